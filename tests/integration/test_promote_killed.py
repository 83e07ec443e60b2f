"""A promotion that is killed at its steps: finished, put back, and shown; by groups."""

from __future__ import annotations

import json
import multiprocessing
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.faults.doomed import Doom
from benchmarks.faults.house import NEW, OLD, House, house
from factory import console, resuming
from factory.ledger import Ledger
from factory.model import Build, Move, Publication, Retention, Stage, State
from factory.registry import Registry
from factory.report.promoted import promoted_document, promoted_text
from tests.integration.desk import Desk, desk_at, states
from tests.integration.test_promote import aged

pytestmark = pytest.mark.engine
REGISTRY = ("head", "get", "put", "request")
LEDGER = ("record_pushed", "record_publications", "begin_journal", "mark_moved", "end_journal")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("promote-killed")) as found:
        yield found


@pytest.fixture
def desk(
    place: House, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    with desk_at(place, tree, tmp_path, monkeypatch) as made:
        yield made


def paired(desk: Desk) -> tuple[Publication, Publication]:
    """A pair at staging that passed."""
    head, workers = desk.pair()
    found = desk.publish(NEW, build=head), desk.publish(OLD, build=workers)
    desk.judge_pair()
    return found


def doomed(desk: Desk, fatal: int, steps: Path) -> None:
    """Promote, in a process of its own that kills itself before a step."""
    doom = Doom(fatal)
    for kind, names in ((Registry, REGISTRY), (Ledger, LEDGER)):
        for name in names:
            setattr(kind, name, doom.step(name, getattr(kind, name)))
    desk.promote()
    steps.write_text(json.dumps(doom.steps))


def promoted_until(desk: Desk, fatal: int, folder: Path) -> list[str]:
    """Its steps, if it came to its end."""
    steps = folder / f"steps-{fatal}"
    child = multiprocessing.get_context("fork").Process(target=doomed, args=(desk, fatal, steps))
    child.start()
    child.join(300)
    assert child.exitcode == (-signal.SIGKILL if fatal else 0)
    return json.loads(steps.read_text()) if steps.exists() else []


def named(desk: Desk, found: tuple[Publication, ...]) -> set[tuple[str, str | None]]:
    """What the floating tags of these builds name at prod: build and digest."""
    client = Registry()
    return {(one.build_id, client.head(desk.prod, tag)) for one in found for tag in one.floating}


def finish(desk: Desk) -> list[State]:
    with console.observer(desk.settings.state / "logs") as observer:
        return [one.state for one in resuming.resume(desk.settings, observer).outcomes]


def undo(desk: Desk) -> list[State]:
    with console.observer(desk.settings.state / "logs") as observer:
        return [one.state for one in resuming.rollback(desk.settings, None, observer).outcomes]


def test_wherever_it_is_killed_the_next_one_comes_to_the_same_end(
    desk: Desk, tmp_path: Path
) -> None:
    found = paired(desk)
    wanted = {(one.build_id, one.manifest_digest) for one in found}
    here, there = (one.rpartition("/")[0] for one in (desk.staging, desk.prod))
    desk.targets(here, f"{there}/plain")
    steps = promoted_until(desk, 0, tmp_path)
    assert named(desk, found) == wanted
    begun = steps.index("begin_journal") + 1
    firsts = {steps.index(name) + 1 for name in set(steps)}
    journal = False
    for fatal in sorted({*firsts, *range(begun, len(steps) + 1, 3), len(steps)}):
        desk.targets(here, f"{there}/killed-{fatal}")
        promoted_until(desk, fatal, tmp_path)
        before = named(desk, found)
        assert before <= wanted | {(one.build_id, None) for one in found}
        with desk.ledger() as ledger:
            left = ledger.unfinished()
        journal = journal or bool(left)
        if fatal % 2:  # else the next promotion finishes it by itself
            assert finish(desk) == [State.DONE] * len(left)
            assert not left or named(desk, found) == wanted
        assert {*states(desk.promote())} <= {State.DONE, State.CACHED}
        assert named(desk, found) == wanted
        with desk.ledger() as ledger:
            assert not ledger.unfinished()
            assert {one.target for one in ledger.publications().values()} == {"staging", "prod"}
    assert journal


def kill_half_moved(desk: Desk, folder: Path) -> None:
    steps = promoted_until(desk, 0, folder)
    here, there = (one.rpartition("/")[0] for one in (desk.staging, desk.prod))
    desk.targets(here, f"{there}/half")
    promoted_until(desk, steps.index("end_journal") + 1, folder)


def test_a_killed_one_is_shown_and_put_back(desk: Desk, tmp_path: Path) -> None:
    found = paired(desk)
    kill_half_moved(desk, tmp_path)
    with desk.ledger() as ledger:
        [left] = ledger.unfinished()
    assert (left.group, left.stage) == ("c", Stage.MOVING)
    assert all(move.moved for move in left.pending)
    assert undo(desk) == [State.FAILED], "its tags are new, and this registry deletes none"
    with desk.ledger() as ledger:
        assert not ledger.unfinished()
        assert [one for one in ledger.publications() if one[1] == "prod"] == [
            (one.build_id, "prod") for one in found
        ]


def test_a_promotion_is_put_back_by_rollback_to_what_was_promoted_before(desk: Desk) -> None:
    first = desk.publish(OLD)
    desk.promote()
    second = desk.publish(NEW)
    desk.promote()
    assert named(desk, (second,)) == {(second.build_id, second.manifest_digest)}
    assert undo(desk) == [State.DONE]
    assert named(desk, (first,)) == {(first.build_id, first.manifest_digest)}
    with desk.ledger() as ledger:
        known = ledger.publication(first.build_id, "prod")
    assert known
    assert known.manifest_digest == first.manifest_digest


def select(desk: Desk, build: Build) -> None:
    """Have a promotion choose one build alone."""
    desk.monkeypatch.setattr("factory.promoting.select", lambda _builds, _selection: (build,))


def test_nothing_of_a_group_moves_before_all_of_it_is_at_the_target(desk: Desk) -> None:
    found = paired(desk)
    head, workers = desk.project.builds
    select(desk, head)
    refused = desk.promote()
    assert states(refused) == [State.DONE, State.FAILED]
    assert f"{workers.id} is not at `prod` as it is at `staging`" in promoted_text(refused)
    assert promoted_document(refused)["moves"] == []
    assert {digest for _, digest in named(desk, found)} == {None}
    select(desk, workers)
    done = desk.promote()
    assert states(done) == [State.DONE, State.DONE]
    assert named(desk, found) == {(one.build_id, one.manifest_digest) for one in found}
    [move] = promoted_document(done)["moves"]
    assert (move["group"], move["stage"]) == ("c", "done")


def test_what_is_gone_at_the_target_holds_the_group_up(desk: Desk) -> None:
    paired(desk)
    head, workers = desk.project.builds
    select(desk, workers)
    desk.promote()
    names = desk.project.matrix.targets[1].repository(workers.image)
    with desk.ledger() as ledger:
        there = ledger.pushed(workers.id, "prod")
    client = Registry()
    client.request("DELETE", names, f"manifests/{there.manifest_digest}", headers={}, where=names)
    select(desk, head)
    assert "is gone, or another image" in promoted_text(desk.promote())


def test_what_an_unfinished_journal_names_is_not_collected(desk: Desk) -> None:
    here, there = (one.rpartition("/")[0] for one in (desk.staging, desk.prod))
    desk.targets(here, there, retention=Retention(keep_days=1, keep_last=1))
    old, new = desk.publish(OLD, at=aged(90)), desk.publish(NEW, at=aged(60))
    assert [one.keep for one in desk.collect().decisions].count(False) == 1
    from factory.model import Journal

    move = Move(
        target="staging",
        repository=desk.staging,
        tag=new.floating[0],
        before=old.manifest_digest,
        after=new.manifest_digest,
    )
    journal = Journal(run="r", group="g", publications=(new,), moves=(move,), at=aged(0))
    with desk.ledger() as ledger:
        journal = ledger.begin_journal(journal)
    found = desk.collect(apply=True)
    assert (found.removed, [one.keep for one in found.decisions]) == ((), [True, True])
    assert "floating tags are moving, or may move to it, or be put back to it" in {
        one.why for one in found.decisions
    }
    with desk.ledger() as ledger:
        ledger.end_journal(replace(journal, stage=Stage.DONE))
    assert desk.collect(apply=True).removed == (), "a rollback would put the tag back to it"
    with desk.ledger() as ledger:
        ledger.end_journal(replace(journal, stage=Stage.OVERTAKEN))
    assert desk.collect(apply=True).removed == (old.manifest_digest,)


def test_what_was_pushed_last_is_not_collected_before_its_tags_move(desk: Desk) -> None:
    here, there = (one.rpartition("/")[0] for one in (desk.staging, desk.prod))
    desk.targets(here, there, retention=Retention(keep_days=1, keep_last=1))
    old = desk.publish(OLD, at=aged(90))
    desk.publish(NEW, at=aged(60))
    with desk.ledger() as ledger:
        ledger.record_pushed(old)
    assert desk.collect(apply=True).removed == ()


def test_a_target_that_wants_a_clean_checkout_gets_what_says_its_commit(desk: Desk) -> None:
    desk.publish(NEW)
    here, there = (one.rpartition("/")[0] for one in (desk.staging, desk.prod))
    desk.targets(here, there, require_clean=True)
    refused = desk.promote()
    assert states(refused) == [State.FAILED, State.BLOCKED]
    assert "the image says of no commit that it was built from" in promoted_text(refused)
    said = {"org.opencontainers.image.revision": "c0ffee"}
    desk.monkeypatch.setattr("factory.publish.promote.labels_of", lambda _configuration: said)
    assert states(desk.promote()) == [State.DONE, State.DONE]
