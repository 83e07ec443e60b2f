"""Which step brought a layer, by the image's own history."""

from __future__ import annotations

from typing import Any

from factory.scan.origin import UPSTREAM, Origin, origins, sizes


def configuration(*history: str, layers: int) -> dict[str, Any]:
    """An image configuration; an instruction that makes no layer begins with a dash."""
    entries = [
        {"created_by": one.removeprefix("-"), **({"empty_layer": True} if one[0] == "-" else {})}
        for one in history
    ]
    return {"rootfs": {"diff_ids": [f"sha256:{n}" for n in range(layers)]}, "history": entries}


def test_each_layer_is_of_the_step_that_was_named_last() -> None:
    found = origins(
        configuration(
            "ADD rootfs.tar /",
            "-LABEL io.ray-image-factory.step=base",
            "RUN pip install ray",
            "-LABEL io.ray-image-factory.step=runtime",
            "-ENV a=b",
            "RUN apt-get install",
            "-LABEL io.ray-image-factory.step=app:base",
            "COPY app /home/ray/app",
            layers=4,
        )
    )
    assert list(found.values()) == [
        Origin(step="base", inherited=True),
        Origin(step="base", inherited=True),
        Origin(step="runtime", inherited=False),
        Origin(step="base", inherited=False),
    ]
    assert [str(one) for one in found.values()][1:3] == ["inherited from base", "from runtime"]


def test_a_base_whose_layers_are_all_of_an_earlier_stage_is_one() -> None:
    found = origins(
        configuration(
            *("ADD rootfs.tar /", "-LABEL io.ray-image-factory.step=base"),
            *("-LABEL io.ray-image-factory.step=runtime", "RUN b"),
            layers=2,
        )
    )
    assert [str(one) for one in found.values()] == ["inherited from base", "from runtime"]


def test_an_image_of_somebody_else_has_no_steps() -> None:
    assert origins(configuration("RUN a", "RUN b", layers=2)) == {}


def test_a_history_that_does_not_fit_its_layers_says_nothing() -> None:
    assert origins(configuration("-LABEL io.ray-image-factory.step=base", "RUN a", layers=2)) == {}
    assert origins({}) == {}


def test_a_step_that_only_calls_itself_the_base_inherits_nothing() -> None:
    run = "RUN /bin/sh -c echo LABEL io.ray-image-factory.step=base"
    said = configuration("-LABEL io.ray-image-factory.step=base", "RUN a", run, layers=2)
    assert {str(one) for one in origins(said).values()} == {"inherited from base"}
    mine = "-LABEL io.ray-image-factory.step=app:mine"
    again = configuration(
        *("-LABEL io.ray-image-factory.step=base", "RUN a", mine, "COPY b"),
        *("-LABEL io.ray-image-factory.step=base", "COPY c"),
        layers=3,
    )
    assert origins(again) == {}


def test_without_a_base_that_is_named_nothing_is_inherited() -> None:
    old = configuration("RUN a", "-LABEL io.ray-image-factory.step=app:mine", "COPY b", layers=2)
    assert origins(old) == {}


def test_bytes_are_added_up_by_step_and_none_is_lost() -> None:
    """Two equal layers have one diff id, and both count."""
    base, own = Origin(step="base", inherited=True), Origin(step="mine", inherited=False)
    layers = [("a", 5), ("b", 1), ("b", 1), ("c", 4)]
    found = sizes(layers, {"a": base, "b": base, "c": own})
    assert found == {"base": 7, "mine": 4}
    assert sizes(layers, {}) == {UPSTREAM: 11}
