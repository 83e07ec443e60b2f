"""What is said of tags that moved, or should have."""

from __future__ import annotations

from dataclasses import replace

from factory.model import (
    Build,
    Cell,
    Group,
    Journal,
    Move,
    Outcome,
    Plan,
    PlannedBuild,
    Stage,
    State,
)
from factory.report.moves import move_document, resumed_text, runs_text, unfinished_text
from factory.report.results import results

CELL = Cell(python="3.11", ray="2.60.0", device="cpu")
BUILD = Build(image="app", cell=CELL)
MOVES = tuple(
    Move(target="local", repository="r/app", tag=tag, before=before, after="new", moved=moved)
    for tag, before, moved in (("one", "old", True), ("two", None, False), ("same", "new", False))
)
JOURNAL = Journal(run="1234", group="gpu-head", publications=(), moves=MOVES, at="2026-11-29T12:00")


def test_only_tags_that_change_are_told_of() -> None:
    document = move_document(JOURNAL)
    assert [tag["tag"] for tag in document["tags"]] == ["r/app:one", "r/app:two"]
    assert document["tags"][1]["before"] is None
    assert document["stage"] == "moving"


def test_what_is_unfinished_is_told_with_what_to_do() -> None:
    text = unfinished_text([JOURNAL])
    assert "gpu-head    moving  1 of 2      2026-11-29T12:00  1234" in text
    assert "`invoke publish --resume`" in text
    assert "`invoke rollback --run RUN`" in text
    assert unfinished_text([]) == ""


def test_runs_are_listed_with_what_puts_them_back() -> None:
    text = runs_text([replace(JOURNAL, stage=Stage.DONE, window=1.5)], known=3)
    assert "1234  2026-11-29T12:00  gpu-head  done   2     1.50 s" in text
    assert "… and 2 older: --last 3" in text
    assert "`invoke rollback --run RUN`" in text
    assert "older" not in runs_text([JOURNAL], known=1)
    assert runs_text([], known=0) == "no run has moved a floating tag from here"


def undone(*staying: str) -> Journal:
    moves = (MOVES[0], replace(MOVES[1], moved=True), MOVES[2])
    return replace(JOURNAL, moves=moves, stage=Stage.UNDONE, staying=staying)


def test_only_what_was_put_back_counts_as_rolled_back() -> None:
    assert "gpu-head  rolled back  2\n" in runs_text([undone()], known=1)
    assert [one["moved"] for one in move_document(undone())["tags"]] == [False, False]
    half = undone("r/app:two")
    text = runs_text([half], known=1)
    assert "gpu-head  rolled back in part  1\n" in text
    assert "the rollback of run 1234 left 1 tag, new then, that the registry does not" in text
    assert "delete: r/app:two\n" in text
    assert move_document(half)["stage"] == "rolled back in part"
    assert [one["moved"] for one in move_document(half)["tags"]] == [False, True]


def test_a_rollback_that_put_nothing_back_is_none() -> None:
    whole = undone("r/app:one", "r/app:two")
    assert "gpu-head  not rolled back  0\n" in runs_text([whole], known=1)
    assert move_document(whole)["stage"] == "not rolled back"
    again = replace(whole, stage=Stage.RETURNING)
    assert "gpu-head  being rolled back  2\n" in runs_text([again], known=1)
    assert "left" not in runs_text([again], known=1)


def test_of_many_tags_that_stay_some_are_named() -> None:
    moves = tuple(replace(MOVES[1], tag=f"t{number}") for number in range(5))
    left = tuple(move.place for move in moves)
    text = runs_text([replace(undone(*left), moves=moves)], known=1)
    assert "left 5 tags" in text
    assert "r/app:t0, r/app:t1, r/app:t2 and 2 more\n" in text


def test_a_failure_is_told_with_all_that_is_known() -> None:
    failed = Outcome(
        verb="undo",
        subject="gpu-head of run 1234",
        state=State.FAILED,
        reason="moved since",
        detail=("r/app:one: moved since", "  | names sha256:1"),
        code=6,
    )
    text = resumed_text([failed])
    assert text.startswith("✗ undo gpu-head of run 1234: moved since\n")
    assert "    | names sha256:1" in text
    assert "nothing is unfinished" in resumed_text([])


def test_a_build_whose_group_did_not_move_is_not_published() -> None:
    planned = PlannedBuild(build=BUILD, steps=("k",), immutable="i", floating=("f",))
    group = Group(name="gpu-head", builds=(BUILD,))
    step = type("Step", (), {"label": "app@k"})()
    plan = Plan(steps={"k": step}, builds=(planned,), groups=(group,))
    pushed = Outcome(verb="publish", subject=f"{BUILD.id} → local", state=State.DONE)
    stays = Outcome(verb="move", subject="gpu-head", state=State.FAILED, reason="why", code=6)
    [found] = results(plan, [pushed, stays])
    assert (found.state, found.gate, found.causes) == (State.FAILED, "publish", ("move gpu-head",))
