"""Five rebuilds that the users of another image builder missed. It was told what an image reads;
here each key is computed once more without the one input that was forgotten there, to show that
the test would fail with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from benchmarks.identity.generate import TOOLS, digest_of, generate
from benchmarks.identity.sample import RUNTIME, UPSTREAM, Node, Part, Pinned, Sample
from benchmarks.identity.tree import plan, write
from factory.model import Plan, Step
from factory.plan.keys import key_of

CHILD, PARENT = "child:2.60.0-py311-cpu", "mother:2.60.0-py311-cpu"
Change = Callable[[Sample], Sample]
FROM_STAGE = Part(
    kind="", stages=f"FROM {TOOLS[0]} AS tools", lines="COPY --from=tools /version /", names=TOOLS
)
COPIED = Part(kind="", lines="COPY data.txt /data/")
ARGUMENT = Part(kind="", lines='ARG FLAVOUR=plain\nRUN echo "$FLAVOUR" > /flavour')
FROM_PARENT = Part(
    kind="",
    stages="FROM scratch AS taken\nCOPY --from={{ parent }} /data/data.txt /",
    lines="COPY --from=taken /data.txt /taken/",
)


def family(*, mother: tuple[Part, ...] = (), child: tuple[Part, ...] = ()) -> Sample:
    """A mother and a child of one cell, with these Dockerfiles."""
    made = generate(Random(0), mark="test")
    files = {path: node for path, node in made.nodes.items() if path.startswith("images/one/")}
    nodes = {
        path.replace("images/one/", f"images/{name}/"): node
        for path, node in files.items()
        for name in ("mother", "child")
    }
    return replace(
        made,
        nodes={**made.nodes, **nodes},
        matrix={**made.matrix, "axes": {"python": ["3.11"], "ray": ["2.60.0"]}},
        images={
            "mother": {"description": "A mother"},
            "child": {"description": "A child", "parent": "mother"},
        },
        parts={UPSTREAM: (), RUNTIME: (), "mother": mother, "child": child},
    )


def edited(path: str) -> Change:
    return lambda sample: sample.with_node(path, Node(text="edited\n"))


def moved(name: str) -> Change:
    pin = Pinned(pin=digest_of("moved"))
    return lambda sample: replace(sample, pins={**sample.pins, name: pin})


def rewritten(owner: str, old: str, new: str) -> Change:
    def change(sample: Sample) -> Sample:
        [part] = sample.parts[owner]
        return sample.with_part(owner, part, replace(part, lines=part.lines.replace(old, new)))

    return change


def last_steps(sample: Sample, change: Change, folder: Path, build: str) -> tuple[Step, Step]:
    """The last step of a build before and after."""
    before = _last(plan(write(sample, folder)), build)
    return before, _last(plan(write(change(sample), folder, over=sample)), build)


def _last(made: Plan, build: str) -> Step:
    [planned] = [planned for planned in made.builds if planned.build.id == build]
    return made.steps[planned.key]


def forgetful(step: Step, *forgotten: str) -> str:
    """The key by all inputs but some, which whoever declares them by hand left out."""
    kept = [(name, value) for name, value in step.inputs if name not in forgotten]
    assert len(kept) == len(step.inputs) - len(forgotten), "they are inputs"
    return key_of(kept)


def assert_told(steps: tuple[Step, Step], *by: str) -> None:
    """The key changes, and by these inputs alone."""
    before, after = steps
    assert before.key != after.key
    assert forgetful(before, *by) == forgetful(after, *by)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path.resolve()


def test_the_base_of_an_intermediate_stage_that_moves_is_a_rebuild(root: Path) -> None:
    steps = last_steps(family(child=(FROM_STAGE,)), moved(TOOLS[0]), root, CHILD)
    assert_told(steps, f"image {TOOLS[0]}")


def test_a_copied_file_that_changes_is_a_rebuild(root: Path) -> None:
    change = edited("images/child/data.txt")
    steps = last_steps(family(child=(COPIED,)), change, root, CHILD)
    assert_told(steps, "file images/child/data.txt")


def test_a_build_argument_that_changes_is_a_rebuild(root: Path) -> None:
    change = rewritten("child", "=plain", "=fancy")
    steps = last_steps(family(child=(ARGUMENT,)), change, root, CHILD)
    assert_told(steps, "dockerfile")


def test_a_parent_that_changes_is_a_rebuild_of_its_child(root: Path) -> None:
    change = edited("images/mother/data.txt")
    steps = last_steps(family(mother=(COPIED,), child=(ARGUMENT,)), change, root, CHILD)
    assert_told(steps, "parent")


def test_an_image_that_is_copied_from_and_changes_is_a_rebuild(root: Path) -> None:
    """The child copies a file of its parent through a stage that is FROM nothing of the family."""
    change = edited("images/mother/data.txt")
    steps = last_steps(family(mother=(COPIED,), child=(FROM_PARENT,)), change, root, CHILD)
    assert_told(steps, "parent")


def test_what_changes_far_below_is_a_rebuild_of_all_above(root: Path) -> None:
    sample = family(child=(ARGUMENT,))
    low = replace(sample, parts={**sample.parts, UPSTREAM: (COPIED,)})
    change = edited("dockerfiles/data.txt")
    assert_told(last_steps(low, change, root, CHILD), "parent")


def test_a_child_that_changes_is_no_rebuild_of_its_parent(root: Path) -> None:
    before, after = last_steps(
        family(mother=(COPIED,), child=(COPIED,)), edited("images/child/data.txt"), root, PARENT
    )
    assert before == after
