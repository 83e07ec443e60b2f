"""A few thousand made-up inputs keep what is promised of all; and what would not, is caught."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import strategies as st

from benchmarks.fuzz import judge, soak
from benchmarks.fuzz.judge import EscapedError, Ground, Target, tried
from benchmarks.fuzz.projects import ground, planned, put
from benchmarks.fuzz.sweep import CHUNK, Counted, sweep
from benchmarks.fuzz.targets import TARGETS
from factory.errors import ConfigError, ConfigErrors

SEED = 1
EACH, MORE = 10, 25
"""Examples for each of a hundred of ``Target.share``: a thousand in all, and 2,500."""


@pytest.fixture
def here() -> Iterator[Ground]:
    with ground() as made:
        yield made


def planted(take: Callable[[object, Ground], None]) -> Target:
    return Target("planted", st.integers(), take, 1)


@pytest.mark.parametrize("each", [EACH, pytest.param(MORE, marks=pytest.mark.long)])
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_nothing_escapes(target: Target, each: int, here: Ground) -> None:
    found = sweep(target, SEED, each * target.share, here)
    assert found.escaped == ()
    assert found.examples >= each * target.share - 1
    assert found.accepted > found.examples // 20, "hardly any gets beyond the first refusal"
    assert found.refused or target.name == "references"


def test_the_project_that_is_spoilt_is_good(here: Ground) -> None:
    planned(here.root)


@pytest.mark.parametrize("how", ["link", "pipe", "folder", "file", "gone"])
def test_nothing_is_spoilt_but_the_project(how: str, here: Ground) -> None:
    before = sorted(path.name for path in here.beside.iterdir())
    put(here.root, "images", "link", str(here.beside))
    for place in ("images/demo", "images/image.yaml", "images/a/b"):
        put(here.root, place, how, "x")
    assert sorted(path.name for path in here.beside.iterdir()) == before


def test_what_does_not_repeat_is_told_all_the_same(here: Ground) -> None:
    calls: list[object] = []

    def take(data: object, _: Ground) -> None:
        calls.append(data)
        if len(calls) == 3:
            raise ZeroDivisionError("once")

    [told] = sweep(planted(take), 3, 20, here).escaped
    assert "(seed 3)" in told


def test_what_comes_of_a_seed_is_always_the_same(here: Ground) -> None:
    target = next(one for one in TARGETS if one.name == "locks")
    one, other = (replace(sweep(target, 5, 60, here), slowest=0.0) for _ in range(2))
    assert one == other


def test_a_target_that_raises_is_caught_and_named(here: Ground) -> None:
    def take(data: object, _: Ground) -> None:
        if isinstance(data, int) and data > 5:
            raise ZeroDivisionError("by nothing")

    found = sweep(planted(take), 3, 200, here)
    assert found.escaped == ("planted: ZeroDivisionError: by nothing (seed 3): 6",)
    assert soak.summary([found])["to_look_at"] == list(found.escaped)


def _refuse(error: ConfigError) -> Callable[[object, Ground], None]:
    def take(_data: object, _: Ground) -> None:
        raise error

    return take


def _read_beside(_data: object, here: Ground) -> None:
    (here.root / "link").unlink(missing_ok=True)
    (here.root / "link").symlink_to(here.beside)
    (here.root / "link" / "secret.j2").read_text()


def _work(_data: object, _: Ground) -> None:
    began = time.process_time()
    while time.process_time() - began < 0.2:
        pass


def _sleep(_data: object, _: Ground) -> None:
    time.sleep(20)


@pytest.mark.parametrize(
    ("take", "said"),
    [
        (_refuse(ConfigError("it is wrong")), "without what or what next"),
        (_refuse(ConfigError("", todo="mend it")), "without what or what next"),
        (_refuse(ConfigError("a\n" * 40, todo="mend it")), "longer than a screen"),
        (_refuse(ConfigErrors([ConfigError("a" * 999, todo="b")] * 9)), "longer than a screen"),
        (_read_beside, "a file outside the tree was read"),
        (_work, "s of CPU"),
        (_sleep, "it did not end within"),
    ],
)
def test_every_promise_that_is_broken_is_caught(
    take: Callable[[object, Ground], None],
    said: str,
    here: Ground,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(judge, "CPU_SECONDS", 0.1)
    monkeypatch.setattr(judge, "_HANGS", 1)
    with pytest.raises(EscapedError, match=said):
        tried(planted(take), 1, here)


def test_what_is_unprintable_in_an_error_is_caught(here: Ground) -> None:
    error = ConfigError("it is wrong", todo="mend it")
    error.what = "\x1b[2J"  # which its making would have taken out
    with pytest.raises(EscapedError, match="in an error"):
        tried(planted(_refuse(error)), 1, here)


@pytest.mark.parametrize(
    "line", ["USER 7", "RUN echo $(touch owned)", "ENTRYPOINT x", 'LABEL a="{{ "`touch owned`" }}"']
)
def test_a_line_that_got_into_a_dockerfile_is_caught(line: str, here: Ground) -> None:
    template = here.root / "dockerfiles" / "runtime.Dockerfile.j2"
    template.write_text(f"{template.read_text()}{line}\n")
    with pytest.raises(EscapedError, match="is in a Dockerfile"):
        planned(here.root)


def test_a_soak_has_all_targets_by_their_shares_and_a_seed_a_part() -> None:
    chunks = list(soak.spread(7, soak.EXAMPLES))
    assert sum(count for _, _, count in chunks) == soak.EXAMPLES
    assert len({seed for _, seed, _ in chunks}) == len(chunks)
    assert max(count for _, _, count in chunks) == CHUNK
    assert sum(target.share for target in TARGETS) == 100
    assert len({target.name for target in TARGETS}) == len(TARGETS)


def test_a_soak_can_be_of_some_targets() -> None:
    assert soak.chosen(["l*"]) == ["ledger", "locks"]
    with pytest.raises(ConfigError, match="no target is called x"):
        soak.chosen(["x"])


@pytest.mark.parametrize("said", ["x", "-1", "9" * 40, "٣"])
def test_a_seed_is_a_number(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(soak.SEED, said)
    with pytest.raises(ConfigError, match="is no number"):
        soak._seed()


def test_the_sum_of_a_soak() -> None:
    rows = [
        Counted(target="a", examples=3, accepted=1, slowest=0.5),
        Counted(target="b", examples=2, accepted=1, slowest=0.25, escaped=("why",)),
    ]
    found = soak.summary(rows)
    assert (found["examples"], found["accepted"], found["refused"]) == (5, 2, 2)
    assert found["slowest_cpu_seconds"] == 0.5
    assert [row["escaped"] for row in found["targets"]] == [0, 1]
