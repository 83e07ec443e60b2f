"""Floating tags that move together: what is refused, what a kill leaves, and what rivals do."""

from __future__ import annotations

import os
import random
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.faults import family
from benchmarks.faults.killed import Watcher, killed_everywhere
from factory.engine import Engine
from factory.errors import FactoryError, PublishError, RegistryError
from factory.ledger import Ledger
from factory.model import (
    Check,
    CheckStatus,
    Gate,
    Journal,
    Plan,
    PlannedBuild,
    Publication,
    Stage,
    State,
    Status,
    Target,
    Verdict,
)
from factory.publish import Mover, Tags
from factory.publishing import Publishing
from factory.registry import Manifest, Registry
from factory.resuming import Resuming
from tests.integration.registries import open_registry, settings_at

pytestmark = pytest.mark.engine

CPU, GPU = family.CELLS
Log = Callable[[str], None]
FLOATING = (CPU.id, "latest", GPU.id)


@dataclass(frozen=True, kw_only=True)
class House:
    """A registry with three versions of the family, each under its immutable tags alone."""

    host: str
    engine: Engine
    versions: Mapping[str, family.Version]
    ledger: Path
    log: Path

    @property
    def target(self) -> Target:
        return Target(name="there", registry=f"{self.host}/team")

    @property
    def repository(self) -> str:
        return self.target.repository(self.versions["a"].name)

    def shop(
        self, letter: str, ledger: Ledger, locks: Path, registry: Registry | None = None
    ) -> Publishing:
        return family.publishing(
            self.versions[letter],
            engine=self.engine,
            registry=registry or Registry(),
            ledger=ledger,
            target=self.target,
            locks=locks,
            run_id=f"run-{letter}",
        )

    def digests(self) -> dict[str | None, str]:
        """To which version (and build) each manifest belongs."""
        return {
            Registry().head(self.repository, one.immutable): letter
            for letter, version in self.versions.items()
            for one in version.planned
        }


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder, engine = tmp_path_factory.mktemp("house"), Engine.connect()
    name = f"family-{os.getpid()}"
    versions = {letter: family.build(name, letter, folder / letter) for letter in "abc"}
    with open_registry(folder / "registry") as host:
        found = House(
            host=host,
            engine=engine,
            versions=versions,
            ledger=folder / "ledger.sqlite",
            log=folder / "registry" / "log",
        )
        with Ledger.open(found.ledger) as ledger:
            for letter, version in versions.items():
                shop = found.shop(letter, ledger, folder / "locks")
                for planned in version.planned:
                    shop.push(planned, found.target, print)
        yield found
    family.remove(engine, tuple(versions.values()))


@dataclass(kw_only=True)
class Yard:
    """The house with version ``a`` published, and a ledger that knows it."""

    house: House
    folder: Path
    ledger: Ledger

    def shop(self, letter: str, registry: Registry | None = None) -> Publishing:
        """Version ``letter``, pushed by this run."""
        shop = self.house.shop(letter, self.ledger, self.folder / "locks", registry)
        for planned in self.house.versions[letter].planned:
            shop.push(planned, self.house.target, print)
        return shop

    def move(self, letter: str, registry: Registry | None = None) -> tuple[State, str]:
        shop = self.shop(letter, registry)
        return shop.move(shop.plan.groups[0], print)

    def named(self) -> list[str | None]:
        """The version that each floating tag names."""
        digests = self.house.digests()
        return [digests.get(Registry().head(self.house.repository, tag)) for tag in FLOATING]

    def resuming(self, registry: Registry | None = None) -> Resuming:
        return Resuming(
            settings=settings_at(self.folder),
            ledger=self.ledger,
            registry=lambda: registry or Registry(),
        )

    def journal(self) -> Journal:
        return self.ledger.journals()[-1]

    def manifest(self, letter: str, device: int = 0) -> Manifest:
        tag = self.house.versions[letter].planned[device].immutable
        return Registry().require(self.house.repository, tag)


@pytest.fixture
def yard(house: House, tmp_path: Path) -> Iterator[Yard]:
    shutil.copy(house.ledger, tmp_path / "ledger.sqlite")
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        found = Yard(house=house, folder=tmp_path, ledger=ledger)
        for tag, device in ((CPU.id, 0), ("latest", 0), (GPU.id, 1)):
            Registry().put(house.repository, tag, found.manifest("a", device))
        found.move("a")
        yield found


class Broken(Registry):
    """Fails at the n-th tag that is put, and from then on."""

    def __init__(self, good: int) -> None:
        super().__init__()
        self._good = good

    def put(self, repository: str, reference: str, manifest: Manifest) -> bool:
        self._good -= 1
        if self._good < 0:
            raise RegistryError("the registry is full", where=reference)
        return super().put(repository, reference, manifest)


# ------------------------------------------------------------------ together or not at all


def test_the_tags_of_a_group_move_together_and_the_window_is_recorded(yard: Yard) -> None:
    state, reason = yard.move("b")
    assert (state, yard.named()) == (State.DONE, ["b", "b", "b"])
    assert re.fullmatch(r"3 tags moved within \d+\.\d\d s", reason)
    journal = yard.journal()
    assert (journal.stage, len(journal.pending), journal.contested) == (Stage.DONE, 3, False)
    assert journal.window is not None
    assert journal.window > 0
    published = {one.build_id: one.manifest_digest for one in journal.publications}
    known = yard.ledger.publications()
    assert {build: one.manifest_digest for (build, _), one in known.items()} == published


def test_nothing_moves_before_all_of_the_group_is_there(yard: Yard) -> None:
    shop = yard.house.shop("b", yard.ledger, yard.folder / "locks")
    cpu, gpu = shop.plan.builds
    shop.push(cpu, yard.house.target, print)
    with pytest.raises(PublishError, match="does not move") as caught:
        shop.move(shop.plan.groups[0], print)
    assert caught.value.detail == (f"{gpu.build.id} cannot be planned",)
    assert yard.named() == ["a", "a", "a"]


def beside(yard: Yard, selected: str, other: str) -> Publishing:
    """A run of the CPU build of one version alone, where the other build is planned as of another
    version."""
    shop = yard.house.shop(selected, yard.ledger, yard.folder / "locks")
    shop.beside = Plan(steps={}, builds=(yard.house.versions[other].planned[1],))
    shop.push(shop.plan.builds[0], yard.house.target, print)
    return shop


def test_what_a_run_did_not_select_has_to_be_published_as_it_is_now(yard: Yard) -> None:
    shop = beside(yard, "b", other="c")  # the ledger says that version a was pushed last
    with pytest.raises(PublishError) as caught:
        shop.move(shop.plan.groups[0], print)
    assert "is not published at `there` as it is now" in caught.value.detail[0]
    assert yard.named() == ["a", "a", "a"]


def test_what_a_run_did_not_select_moves_with_the_rest_if_it_is_there(yard: Yard) -> None:
    shop = beside(yard, "b", other="a")
    shop.move(shop.plan.groups[0], print)
    assert yard.named() == ["b", "b", "a"]


def test_what_is_gone_from_the_target_is_noticed_although_the_ledger_has_it(yard: Yard) -> None:
    class Emptied(Registry):
        def head(self, repository: str, reference: str) -> str | None:
            gone = reference == yard.house.versions["a"].planned[1].immutable
            return None if gone else super().head(repository, reference)

    shop = beside(yard, "b", other="a")
    shop.registry = Emptied
    with pytest.raises(PublishError, match="is gone, or another image"):
        shop.move(shop.plan.groups[0], print)
    assert yard.named() == ["a", "a", "a"]


def test_a_group_with_nothing_new_costs_one_head_a_tag(yard: Yard) -> None:
    asked: list[str] = []

    class Counted(Registry):
        def _send(self, method: str, *args: Any, **kwargs: Any) -> Any:
            asked.append(method)
            return super()._send(method, *args, **kwargs)

    yard.move("b")
    assert yard.move("b", Counted())[0] is State.CACHED
    assert asked == ["HEAD"] * (2 + len(FLOATING))


def test_nothing_moves_anywhere_before_all_of_the_group_is_everywhere(yard: Yard) -> None:
    shop = yard.shop("b")
    second = Target(name="second", registry=f"{yard.house.host}/second-{time.monotonic_ns()}")
    shop.targets = (yard.house.target, second)
    cpu, gpu = shop.plan.builds
    shop.push(cpu, second, print)
    with pytest.raises(PublishError, match="does not move"):
        shop.move(shop.plan.groups[0], print)
    assert yard.named() == ["a", "a", "a"]
    there = [Registry().head(second.repository(cpu.build.image), tag) for tag in FLOATING]
    assert there == [None, None, None]
    shop.push(gpu, second, print)
    assert shop.move(shop.plan.groups[0], print)[1].startswith("6 tags moved")
    assert yard.named() == ["b", "b", "b"]
    moved = {(move.target, move.tag) for move in yard.journal().pending}
    assert moved == {(name, tag) for name in ("there", "second") for tag in FLOATING}


def test_evidence_comes_between_the_phases_and_without_it_nothing_moves(yard: Yard) -> None:
    shop = yard.house.shop("b", yard.ledger, yard.folder / "locks")
    attached: list[str] = []

    def attach(
        planned: PlannedBuild,
        target: Target,
        publication: Publication,
        log: Log,
        *,
        anew: bool = False,
    ) -> None:
        assert anew, "it was pushed just now"
        assert yard.named() == ["a", "a", "a"]
        if planned.build.cell.device == "gpu":
            raise PublishError("the evidence was refused")
        attached.append(publication.manifest_digest)

    shop.evidence = attach
    cpu, gpu = shop.plan.builds
    shop.push(cpu, yard.house.target, print)
    with pytest.raises(PublishError, match="refused"):
        shop.push(gpu, yard.house.target, print)
    assert yard.house.digests()[attached[0]] == "b"
    with pytest.raises(PublishError, match="does not move"):
        shop.move(shop.plan.groups[0], print)
    assert yard.named() == ["a", "a", "a"]


# ------------------------------------------------------------------ what is left half done


def half_moved(yard: Yard) -> Journal:
    """Version ``b`` with one tag moved of three, and a registry that failed then."""
    with pytest.raises(RegistryError, match="full"):
        yard.move("b", Broken(1))
    assert sorted(map(str, yard.named())) == ["a", "a", "b"]
    [journal] = yard.ledger.unfinished()
    return journal


def test_what_was_begun_is_finished_without_an_engine(yard: Yard) -> None:
    journal = half_moved(yard)
    yard.resuming().finish(journal, print)
    assert yard.named() == ["b", "b", "b"]
    ended = yard.journal()
    assert (ended.stage, ended.run) == (Stage.DONE, "run-b")
    assert yard.ledger.unfinished() == ()
    assert {one.key[0] for one in yard.ledger.publications().values()} == {"b"}
    assert yard.resuming().finish(journal, print) == (State.CACHED, "it is done meanwhile")


def test_what_was_begun_is_put_back(yard: Yard) -> None:
    journal = half_moved(yard)
    assert yard.resuming().undo(journal, print)[0] is State.DONE
    assert yard.named() == ["a", "a", "a"]
    assert yard.ledger.unfinished() == ()
    assert yard.resuming().undo(journal, print) == (State.CACHED, "it was rolled back before")


def fail(yard: Yard, letter: str) -> None:
    """Have a scan of today fail for a version's first image."""
    planned = yard.house.versions[letter].planned[0]
    pushed = yard.shop(letter).ledger.pushed(planned.build.id, "there")
    assert pushed
    check = Check(name="vulnerabilities", status=CheckStatus.FAIL, reason="CRITICAL CVE-1")
    yard.ledger.record_verdict(
        Verdict(
            gate=Gate.SCAN,
            config_digest=pushed.config_digest,
            basis="today",
            status=Status.FAIL,
            checks=(check,),
            at="2026-11-29T12:00:00+00:00",
        )
    )


def test_what_was_begun_is_not_finished_with_what_failed_since(yard: Yard) -> None:
    journal = half_moved(yard)
    fail(yard, "b")
    with pytest.raises(
        PublishError, match=r"failed scan \(vulnerabilities\) on 2026-11-29"
    ) as caught:
        yard.resuming().finish(journal, print)
    assert f"`invoke rollback --run {journal.run}`" in caught.value.todo
    assert sorted(map(str, yard.named())) == ["a", "a", "b"]
    assert yard.move("c")[0] is State.DONE, "what passes is published over it"
    assert yard.named() == ["c", "c", "c"]


def test_a_rollback_to_what_failed_since_is_done_and_said(yard: Yard) -> None:
    yard.move("b")
    fail(yard, "a")
    state, reason = yard.resuming().undo(yard.journal(), print)
    assert (state, yard.named()) == (State.DONE, ["a", "a", "a"])
    assert re.match(r"3 tags put back; but \S+ failed scan \(vulnerabilities\) on 2026", reason)


def test_what_was_begun_is_finished_before_something_else_is(yard: Yard) -> None:
    """So that a rollback never puts back a mixture."""
    half_moved(yard)
    yard.move("c")
    assert yard.named() == ["c", "c", "c"]
    assert [one.stage for one in yard.ledger.journals()[-2:]] == [Stage.DONE, Stage.DONE]
    yard.resuming().undo(yard.journal(), print)
    assert yard.named() == ["b", "b", "b"]


def test_a_run_that_was_done_is_rolled_back_and_the_ledger_says_so(yard: Yard) -> None:
    yard.move("b")
    assert yard.resuming().undo(yard.journal(), print) == (State.DONE, "3 tags put back")
    assert yard.named() == ["a", "a", "a"]
    assert {one.key[0] for one in yard.ledger.publications().values()} == {"a"}
    assert yard.move("b")[0] is State.DONE


def test_a_rollback_that_is_killed_goes_on_backwards(yard: Yard) -> None:
    yard.move("b")
    with pytest.raises(RegistryError, match="full"):
        yard.resuming(Broken(1)).undo(yard.journal(), print)
    assert sorted(map(str, yard.named())) == ["a", "b", "b"]
    [work] = yard.resuming().works()
    work.run(print)
    assert yard.named() == ["a", "a", "a"]


def test_a_tag_that_did_not_exist_stays_where_the_registry_deletes_none(yard: Yard) -> None:
    planned = yard.house.versions["b"].planned
    fresh = f"new-{time.monotonic_ns()}"
    found = [yard.ledger.pushed(one.build.id, "there") for one in planned]
    named = [replace(one, floating=(*one.floating, fresh)) for one in found if one][:1]
    journal = begin(yard, named)
    with pytest.raises(PublishError, match="but 1 that did not exist before stays") as caught:
        yard.resuming().undo(journal, print)
    assert f"{fresh}: the registry does not delete tags (HTTP 4" in caught.value.detail[0]
    assert Registry().head(yard.house.repository, fresh) == named[0].manifest_digest
    ended = yard.journal()
    assert (ended.stage, ended.staying) == (Stage.UNDONE, (f"{yard.house.repository}:{fresh}",))
    known = yard.ledger.publication(named[0].build_id, "there")
    assert known
    assert known.key[0] == "a", "by which the others go"


def test_a_tag_that_stayed_and_was_deleted_by_hand_is_known_to_be_gone(yard: Yard) -> None:
    fresh = f"new-{time.monotonic_ns()}"
    pushed = yard.ledger.pushed(yard.shop("a").plan.builds[0].build.id, "there")
    assert pushed
    journal = begin(yard, [replace(pushed, floating=(fresh,))])
    with pytest.raises(PublishError, match="stays"):
        yard.resuming().undo(journal, print)
    known = yard.ledger.publication(pushed.build_id, "there")
    assert known
    assert known.floating == (fresh,), "it is published by what stays"
    assert yard.resuming(Deleting()).undo(yard.journal(), print)[0] is State.DONE
    assert yard.journal().staying == ()
    assert yard.ledger.publication(pushed.build_id, "there") is None


def test_a_tag_that_did_not_exist_is_taken_away_where_the_registry_does_that(yard: Yard) -> None:
    fresh = f"new-{time.monotonic_ns()}"
    found = [yard.ledger.pushed(one.build.id, "there") for one in yard.shop("a").plan.builds]
    journal = begin(yard, [replace(one, floating=(fresh,)) for one in found if one][:1])
    deleting = Deleting()
    assert yard.resuming(deleting).undo(journal, print) == (State.DONE, "1 tag put back")
    assert deleting.gone == {fresh}


class Deleting(Registry):
    """One that takes tags away; for the tests' own has no way to."""

    def __init__(self) -> None:
        super().__init__()
        self.gone: set[str] = set()

    def untag(self, repository: str, tag: str) -> str:
        self.gone.add(tag)
        return ""

    def head(self, repository: str, reference: str) -> str | None:
        return None if reference in self.gone else super().head(repository, reference)


def begin(yard: Yard, publications: list[Publication], registry: Registry | None = None) -> Journal:
    tags = Tags(registry=registry or Registry(), locks=yard.folder / "locks")
    journal = Journal(
        run="run-x",
        group=family.GROUP,
        publications=tuple(publications),
        moves=tags.moves(publications),
        at="2026-11-29T12:00:00+00:00",
    )
    return Mover(tags=tags, book=yard.ledger, pause=lambda _: None).begin(journal)


def test_a_group_of_which_a_tag_was_moved_since_is_not_rolled_back(yard: Yard) -> None:
    yard.move("b")
    Registry().put(yard.house.repository, "latest", yard.manifest("c"))
    with pytest.raises(PublishError, match="nothing of this group is rolled back") as caught:
        yard.resuming().undo(yard.journal(), print)
    assert "latest names sha256:" in caught.value.detail[0]
    assert yard.named() == ["b", "c", "b"]


def test_a_tag_is_not_put_back_to_what_nobody_judged(yard: Yard) -> None:
    manifest = yard.manifest("a")
    stray = replace(manifest, content=manifest.content + b"\n")
    Registry().put(yard.house.repository, "latest", stray)
    yard.move("b")
    with pytest.raises(PublishError, match="nobody knows that it passed"):
        yard.resuming().undo(yard.journal(), print)
    assert yard.named() == ["b", "b", "b"]


def test_without_a_ledger_its_immutable_tag_says_that_it_passed(yard: Yard) -> None:
    yard.move("b")
    yard.ledger.known = lambda *_: None  # type: ignore[method-assign]  # as a new machine's
    assert yard.resuming().undo(yard.journal(), print)[0] is State.DONE
    assert yard.named() == ["a", "a", "a"]


def test_what_others_moved_since_is_left_alone(yard: Yard) -> None:
    journal = half_moved(yard)
    for tag, device in ((CPU.id, 0), ("latest", 0), (GPU.id, 1)):
        Registry().put(yard.house.repository, tag, yard.manifest("c", device))
    state, reason = yard.resuming().finish(journal, print)
    assert (state, yard.named()) == (State.DONE, ["c", "c", "c"])
    assert "left as they are" in reason
    assert yard.journal().stage is Stage.OVERTAKEN


def test_a_mixture_with_others_is_left_to_people_until_the_whole_is_published(yard: Yard) -> None:
    journal = half_moved(yard)
    digests = yard.house.digests()
    old = [tag for tag in FLOATING if digests[Registry().head(yard.house.repository, tag)] == "a"]
    Registry().put(yard.house.repository, old[0], yard.manifest("c", int(old[0] == GPU.id)))
    before = yard.named()
    with pytest.raises(PublishError, match="left as it is"):
        yard.resuming().finish(journal, print)
    assert sorted(map(str, before)) == ["a", "b", "c"]
    yard.move("b")
    assert yard.named() == ["b", "b", "b"]
    assert yard.ledger.unfinished() == ()


def test_what_was_begun_is_not_finished_with_what_is_not_there_any_more(yard: Yard) -> None:
    class Emptied(Registry):
        def head(self, repository: str, reference: str) -> str | None:
            return None if "-bbbb" in reference else super().head(repository, reference)

    journal = half_moved(yard)
    with pytest.raises(PublishError, match="this tag is gone"):
        yard.resuming(Emptied()).finish(journal, print)
    assert sorted(map(str, yard.named())) == ["a", "a", "b"]


# ------------------------------------------------------------------ rivals


class Interrupting(Registry):
    """Lets somebody else do something before its n-th question or order."""

    def __init__(self, at: int, act: Callable[[], None]) -> None:
        super().__init__()
        self._left, self._act = at, act
        self._mutex = threading.Lock()

    def _count(self) -> None:
        with self._mutex:
            self._left -= 1
            if self._left == 0:
                self._act()

    def head(self, repository: str, reference: str) -> str | None:
        self._count()
        return super().head(repository, reference)

    def put(self, repository: str, reference: str, manifest: Manifest) -> bool:
        self._count()
        return super().put(repository, reference, manifest)


def publications(yard: Yard, letter: str) -> list[Publication]:
    """What a run of a version on another host would move, with a ledger of its own."""
    with Ledger.open(yard.folder / f"{letter}.sqlite") as ledger:
        shop = yard.house.shop(letter, ledger, yard.folder / letter)
        for planned in yard.house.versions[letter].planned:
            shop.push(planned, yard.house.target, print)
        found = [ledger.pushed(one.build.id, "there") for one in shop.plan.builds]
        return [one for one in found if one]


def elsewhere(yard: Yard, found: list[Publication], registry: Registry | None = None) -> Journal:
    """Another host moves them: no lock is shared with it."""
    folder = yard.folder / found[0].key[0]
    tags = Tags(registry=registry or Registry(), locks=folder)
    journal = Journal(
        run="elsewhere",
        group=family.GROUP,
        publications=tuple(found),
        moves=tags.moves(found),
        at="2026-11-29T12:00:00+00:00",
    )
    with Ledger.open(folder / "ledger.sqlite") as ledger:
        wait = random.Random(found[0].key).uniform
        mover = Mover(tags=tags, book=ledger, pause=lambda _: time.sleep(wait(0, 0.05)))
        return mover.begin(journal)


def test_a_rival_at_any_moment_leaves_one_of_the_two_sets_whole(yard: Yard) -> None:
    ours, theirs = publications(yard, "b"), publications(yard, "c")
    ends = []
    for at in range(1, 19):
        for tag, device in ((CPU.id, 0), ("latest", 0), (GPU.id, 1)):
            Registry().put(yard.house.repository, tag, yard.manifest("a", device))
        rival = Interrupting(at, lambda: void(elsewhere(yard, theirs)))
        try:
            journal = elsewhere(yard, ours, rival)
            ends.append("b, contested" if journal.contested else "b")
        except PublishError as error:
            ends.append("c" if "its set stands" in error.what else error.what)
        assert yard.named() == [ends[-1][0]] * 3, at
    assert {"b, contested", "c"} <= set(ends), "each outcome is met"


def void(_: object) -> None:
    """For a lambda that has to return nothing."""


def test_two_hosts_at_once_leave_one_of_the_two_sets_whole(yard: Yard) -> None:
    both = [publications(yard, letter) for letter in "bc"]

    def run(found: list[Publication]) -> None:
        try:
            elsewhere(yard, found)
        except FactoryError:
            lost.append(found[0].key[0])

    for _ in range(8):
        for tag, device in ((CPU.id, 0), ("latest", 0), (GPU.id, 1)):
            Registry().put(yard.house.repository, tag, yard.manifest("a", device))
        lost: list[str] = []
        threads = [threading.Thread(target=run, args=(found,)) for found in both]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        [named] = set(yard.named())
        assert named in {"b", "c"}
        assert named not in lost


def test_on_one_host_they_take_turns(yard: Yard) -> None:
    said: list[str] = []
    shop = yard.shop("b")
    tags = Tags(registry=Registry(), locks=yard.folder / "locks")
    moving = threading.Thread(target=shop.move, args=(shop.plan.groups[0], said.append))
    with tags.turn(tags.moves(publications(yard, "b")), print):
        moving.start()
        while not said:
            time.sleep(0.01)
        assert yard.named() == ["a", "a", "a"]
    moving.join()
    assert said == ["waiting for another publisher on this machine"]
    assert yard.named() == ["b", "b", "b"]


# ------------------------------------------------------------------ killed

TELLING = ("push", "record_pushed", "begin_journal", "put", "mark_moved", "end_journal")


def telling(names: list[str]) -> list[int]:
    """Before the last of each of these steps: something has happened by then, and not all."""
    return [len(names) - names[::-1].index(name) for name in TELLING]


def test_a_kill_before_a_telling_step_leaves_nothing_that_a_resume_does_not_mend(
    tmp_path: Path,
) -> None:
    with open_registry(tmp_path / "registry") as host:
        cases = killed_everywhere(tmp_path / "work", host, steps=telling, twice=False)
    assert [one.step[1] for one in cases] == list(TELLING)
    assert {one.step[1]: one.faults for one in cases if one.faults} == {}


def test_the_watcher_sees_what_a_tag_should_not_name(yard: Yard) -> None:
    watcher = Watcher(repository=yard.house.repository, tags=["latest"])
    with watcher.watching():
        for letter in "bca":
            Registry().put(yard.house.repository, "latest", yard.manifest(letter))
            polls = watcher.polls
            while watcher.polls < polls + 2:
                time.sleep(0.001)
    assert {yard.house.digests()[one] for one in watcher.seen["latest"]} == {"a", "b", "c"}
