"""Pairs in a run: verified once for exactly two images, and needed by both builds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from factory import verify as verify_room
from factory.borrowing import Borrower
from factory.errors import ConfigError, FactoryError, VerifyError
from factory.ledger import Ledger
from factory.model import (
    Built,
    Check,
    CheckStatus,
    Gate,
    Pair,
    Plan,
    PlannedBuild,
    Selection,
    State,
    Status,
    Verdict,
    pair_digest,
)
from factory.pairs import Pairs
from factory.pipeline import Prepared, beside, prepare
from factory.settings import Settings
from factory.verify import ClusterRequest, basis
from factory.works import pairing, together
from factory.workshop import Workshop
from tests.conftest import MATRIX

GOOD = Check(name="boot", status=CheckStatus.PASS)
BROKEN = Check(name="spread", status=CheckStatus.FAIL, reason="two bundles share a node")
CONTRARY = Check(name="pair-serialization", status=CheckStatus.FAIL, reason="numpy differs")
HEAD, WORKERS = "demo:2.60.0-py311-gpu", "demo:2.60.0-py311-cpu"
PAIR = "demo:2.60.0-py311-gpu+2.60.0-py311-cpu"
COHORTS = """
cohorts:
  gpu-head: {head: {device: gpu, ray: "2.60.0"}, workers: {device: cpu}}
"""
MIXED_RAYS = """
cohorts:
  rays:
    head: {ray: "2.60.0", device: cpu}
    workers: {ray: "2.55.1", device: cpu}
"""


@dataclass
class Cluster:
    """In place of the verify room: what it was asked, and what it is to find."""

    finds: tuple[Check, ...] = (GOOD,)
    asked: list[ClusterRequest] = field(default_factory=list)

    def verify(self, request: ClusterRequest, **_options: object) -> Verdict:
        self.asked.append(request)
        assert request.mixed
        images = (request.config_digest, request.mixed.config_digest)
        failed = any(check.status is CheckStatus.FAIL for check in self.finds)
        return Verdict(
            gate=Gate.VERIFY,
            config_digest=pair_digest(*images),
            basis=basis(request),
            status=Status.FAIL if failed else Status.PASS,
            checks=self.finds,
            images=images,
        )


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()
    monkeypatch.setattr(verify_room, "verify", made.verify)
    monkeypatch.setattr(verify_room, "nvidia_runtime", lambda: False)
    return made


def image_of(planned: PlannedBuild, mark: str = "") -> Built:
    return Built(
        key=planned.key,
        ref=planned.build.id,
        image_id=f"id of {planned.build.id}{mark}",
        config_digest=f"sha256:{planned.build.id}{mark}",
        substituted_base=True,
        reason="",
        at="",
        seconds=0.0,
    )


@dataclass
class Yard:
    """A project, its ledger, and the images that there are."""

    tree: Path
    ledger: Ledger
    images: dict[str, Built] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return Settings.from_environment({"FACTORY_ROOT": str(self.tree)})

    def prepared(self, cohorts: str = COHORTS, **selection: Any) -> Prepared:
        devices = MATRIX.replace('"2.55.1"]', '"2.55.1"]\n  device: [cpu, gpu]')
        devices = devices.replace('latest: {ray: "2.60.0"}', "devices: {gpu: {cuda: cuda130}}")
        (self.tree / "matrix.yaml").write_text(devices + cohorts)
        return prepare(self.settings, Selection(**selection))

    def pairs(self, prepared: Prepared, *, insists: bool = False) -> Pairs:
        others = beside(self.settings, prepared, prepared.project, prepared.plan, ["publish"])
        for one in (*prepared.plan.builds, *others.builds):
            self.images.setdefault(one.build.id, image_of(one))
        return Pairs(
            settings=self.settings,
            project=prepared.project,
            plan=prepared.plan,
            beside=others,
            ledger=self.ledger,
            built=self.built,
            require=lambda *_: None,
            run_id="run",
            insists=insists,
        )

    def built(self, planned: PlannedBuild, error: type[FactoryError]) -> Built:
        found = self.images.get(planned.build.id)
        if found is None:
            raise error(f"{planned.build.id} has not been built as it is now")
        return found


@pytest.fixture
def yard(tree: Path) -> Iterator[Yard]:
    with Ledger.open(tree / ".factory" / "ledger.sqlite") as ledger:
        yield Yard(tree=tree, ledger=ledger)


def the_pair(pairs: Pairs) -> Pair:
    (pair,) = pairs.project.pairs
    return pair


def joints(pairs: Pairs, build: str) -> list[tuple[str, Status | None, str]]:
    """What a build needs of others: of what, how it stands, and why there is nothing."""
    everything = (*pairs.plan.builds, *pairs.beside.builds)
    planned = next(one for one in everything if one.build.id == build)
    digest = pairs.built(planned, VerifyError).config_digest
    return [
        (one.subject, one.verdict.status if one.verdict else None, one.why)
        for one in pairs.joints(planned, digest)
    ]


def test_a_pair_is_verified_once_for_its_two_images(yard: Yard, cluster: Cluster) -> None:
    pairs = yard.pairs(yard.prepared())
    pair = the_pair(pairs)
    assert pairs.verify(pair, print)[0] is State.DONE
    (asked,) = cluster.asked
    assert asked.mixed
    assert (asked.subject, asked.head_ref, asked.worker_ref) == (
        PAIR, f"id of {HEAD}", f"id of {WORKERS}",
    )  # fmt: skip
    assert (asked.cell.device, asked.mixed.cell.device) == ("gpu", "cpu")
    assert (asked.cuda, asked.mixed.cuda) == ("13.0", None)
    later = yard.pairs(yard.prepared())
    assert later.verify(pair, print)[0] is State.CACHED
    report = yard.tree / ".factory" / "reports" / f"{PAIR.replace(':', '_')}.xml"
    assert PAIR in report.read_text()


@pytest.mark.parametrize("build", [HEAD, WORKERS])
def test_another_image_of_either_is_another_pair(yard: Yard, cluster: Cluster, build: str) -> None:
    pairs = yard.pairs(yard.prepared())
    pairs.verify(the_pair(pairs), print)
    planned = next(one for one in pairs.plan.builds if one.build.id == build)
    yard.images[build] = image_of(planned, " rebuilt")
    again = yard.pairs(yard.prepared())
    assert joints(again, HEAD) == [(PAIR, None, "there is no verify verdict")]
    assert again.verify(the_pair(again), print)[0] is State.DONE
    assert len(cluster.asked) == 2


def test_more_workers_are_another_topology(yard: Yard, cluster: Cluster) -> None:
    pairs = yard.pairs(yard.prepared())
    pairs.verify(the_pair(pairs), print)
    wider = yard.pairs(yard.prepared(COHORTS + "verify: {workers: 3}\n"))
    assert wider.verify(the_pair(wider), print)[0] is State.DONE
    assert [request.workers for request in cluster.asked] == [2, 3]


def test_both_builds_of_a_pair_need_it_and_no_others(yard: Yard, cluster: Cluster) -> None:
    pairs = yard.pairs(yard.prepared())
    missing = [(PAIR, None, "there is no verify verdict")]
    assert [joints(pairs, build) for build in (HEAD, WORKERS)] == [missing, missing]
    assert joints(pairs, "demo:2.55.1-py311-gpu") == []
    pairs.verify(the_pair(pairs), print)
    there = [(PAIR, Status.PASS, "")]
    assert [joints(pairs, build) for build in (HEAD, WORKERS)] == [there, there]


def test_a_verdict_on_other_images_is_not_this_pairs(yard: Yard, cluster: Cluster) -> None:
    """Such as of an image that a target holds in place of ours."""
    pairs = yard.pairs(yard.prepared())
    pairs.verify(the_pair(pairs), print)
    planned = next(one for one in pairs.plan.builds if one.build.id == HEAD)
    (joint,) = pairs.joints(planned, "sha256:of somebody else")
    assert joint.verdict is None


def test_one_half_alone_goes_by_what_was_found_before(yard: Yard, cluster: Cluster) -> None:
    alone = yard.pairs(yard.prepared(only=(WORKERS,)))
    assert alone.plan.pairs == ()
    (found,) = joints(alone, WORKERS)
    assert found == (PAIR, None, f"there is no verify verdict; select {HEAD} too")
    both = yard.pairs(yard.prepared())
    both.verify(the_pair(both), print)
    assert joints(yard.pairs(yard.prepared(only=(WORKERS,))), WORKERS) == [(PAIR, Status.PASS, "")]


def test_a_half_that_was_never_built_is_named(yard: Yard, cluster: Cluster) -> None:
    pairs = yard.pairs(yard.prepared(only=(WORKERS,)))
    del yard.images[HEAD]
    (found,) = joints(pairs, WORKERS)
    assert found[2] == (
        f"there is no verify verdict: {HEAD} has not been built as it is now; a cohort is released "
        f"whole: select {HEAD} and {WORKERS}"
    )


def test_a_pair_that_fails_is_an_error_with_the_check_and_is_tried_again(
    yard: Yard, cluster: Cluster
) -> None:
    cluster.finds = (GOOD, BROKEN)
    pairs = yard.pairs(yard.prepared())
    with pytest.raises(VerifyError, match="verify failed: spread") as caught:
        pairs.verify(the_pair(pairs), print)
    assert caught.value.detail == ("spread: two bundles share a node",)
    assert joints(pairs, WORKERS) == [(PAIR, Status.FAIL, "")]
    cluster.finds = (GOOD,)
    again = yard.pairs(yard.prepared())
    assert again.verify(the_pair(again), print)[0] is State.DONE
    assert joints(again, WORKERS) == [(PAIR, Status.PASS, "")]


def test_images_that_contradict_each_other_are_refused_with_the_reason(
    yard: Yard, cluster: Cluster
) -> None:
    cluster.finds = (CONTRARY,)
    pairs = yard.pairs(yard.prepared())
    with pytest.raises(VerifyError, match="refused") as caught:
        pairs.verify(the_pair(pairs), print)
    assert caught.value.what == f"{PAIR}: refused: numpy differs"


def test_cells_that_must_not_work_together_are_refused_before_any_boot(
    yard: Yard, cluster: Cluster
) -> None:
    pairs = yard.pairs(yard.prepared(MIXED_RAYS))
    yard.images.clear()
    why = "Ray is 2.60.0 on the head and 2.55.1 on the workers"
    with pytest.raises(VerifyError, match=f"refused: {why}") as caught:
        pairs.verify(the_pair(pairs), print)
    assert caught.value.where == "matrix.yaml:16:3"
    assert cluster.asked == []
    for planned in pairs.plan.builds:
        found = [(one.verdict, one.why) for one in pairs.joints(planned, "sha256:1")]
        paired = planned.build.cell.device == "cpu"
        assert found == ([(None, f"it is refused: {why}")] if paired else [])


# ------------------------------------------------------------------ what others found


@dataclass
class Lender:
    """In place of the borrower: what the images carry, by what was asked of it."""

    carried: tuple[Verdict, ...] = ()
    asked: list[tuple[tuple[str, ...], str]] = field(default_factory=list)

    def together(
        self, sides: Iterable[tuple[PlannedBuild, Built]], both: str, basis: str
    ) -> Verdict | None:
        named = tuple(f"{planned.build.id} {built.config_digest}" for planned, built in sides)
        self.asked.append((named, both))
        wanted = (both, basis)
        return next((one for one in self.carried if (one.config_digest, one.basis) == wanted), None)


def lent(yard: Yard, ledger: Ledger, *carried: Verdict, insists: bool = False) -> Pairs:
    """Pairs of a machine whose ledger is empty, where the images carry verdicts."""
    pairs = yard.pairs(yard.prepared(), insists=insists)
    return replace(pairs, ledger=ledger, borrower=cast(Borrower, Lender(carried)))


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "empty.sqlite") as ledger:
        yield ledger


def found_by(yard: Yard) -> Verdict:
    """What a machine finds that boots the pair."""
    pairs = yard.pairs(yard.prepared())
    pairs.verify(the_pair(pairs), print)
    (verdict,) = pairs._judged.values()
    return verdict


def test_a_verdict_that_both_images_carry_spares_the_boot_and_is_recorded(
    yard: Yard, cluster: Cluster, empty: Ledger
) -> None:
    verdict = found_by(yard)
    pairs = lent(yard, empty, verdict)
    assert pairs.verify(the_pair(pairs), print)[0] is State.CACHED
    assert len(cluster.asked) == 1, "by the machine that found it"
    assert empty.verdict(Gate.VERIFY, verdict.config_digest, verdict.basis) == verdict
    sides = (f"{HEAD} sha256:{HEAD}", f"{WORKERS} sha256:{WORKERS}")
    assert cast(Lender, pairs.borrower).asked == [(sides, verdict.config_digest)]
    assert joints(pairs, HEAD) == joints(pairs, WORKERS) == [(PAIR, Status.PASS, "")]


def test_what_others_found_in_part_is_tried_anew_where_the_run_insists(
    yard: Yard, cluster: Cluster, empty: Ledger
) -> None:
    partial = replace(found_by(yard), status=Status.PARTIAL, partial=("no NVIDIA runtime",))
    pairs = lent(yard, empty, partial, insists=True)
    assert pairs.verify(the_pair(pairs), print)[0] is State.DONE
    assert len(cluster.asked) == 2


def test_what_is_on_another_basis_is_nothing_to_this_pair(
    yard: Yard, cluster: Cluster, empty: Ledger
) -> None:
    pairs = lent(yard, empty, replace(found_by(yard), basis="sha256:other"))
    assert joints(pairs, HEAD) == [(PAIR, None, "there is no verify verdict")]
    assert pairs.verify(the_pair(pairs), print)[0] is State.DONE
    assert len(cluster.asked) == 2


# ------------------------------------------------------------------ the order of work


def workshop(yard: Yard, prepared: Prepared) -> Workshop:
    pairs = yard.pairs(prepared)
    return cast(
        Workshop,
        SimpleNamespace(plan=prepared.plan, project=prepared.project, pairs=pairs),
    )


def test_a_pair_waits_for_all_of_both_builds_and_only_they_wait_for_it(yard: Yard) -> None:
    prepared = yard.prepared()
    shop, gates = workshop(yard, prepared), ("build", "scan", "verify", "publish")
    (work,) = pairing(shop, gates)
    last = {
        planned.build.id: prepared.plan.steps[planned.key].label for planned in prepared.plan.builds
    }
    assert (work.id, work.lane) == (f"verify {PAIR}", "verify")
    assert set(work.needs) == {
        f"verify {HEAD}", f"verify {WORKERS}", f"build {last[HEAD]}", f"build {last[WORKERS]}",
    }  # fmt: skip
    waiting = {one.build.id: together(shop, one.build, gates) for one in prepared.plan.builds}
    assert {build: needs for build, needs in waiting.items() if needs} == {
        HEAD: (f"verify {PAIR}",),
        WORKERS: (f"verify {PAIR}",),
    }
    assert not any(together(shop, one.build, ("publish",)) for one in prepared.plan.builds)


def test_a_cohort_that_names_no_cell_fails_by_itself_and_the_others_go_on(yard: Yard) -> None:
    cohorts = COHORTS + "  typo: {head: {device: tpu}, workers: {ray: '2.55.1'}}\n"
    prepared = yard.prepared(cohorts)
    shop, gates = workshop(yard, prepared), ("verify", "publish")
    pair, refused = pairing(shop, gates)
    assert (pair.id, refused.id, refused.needs) == (f"verify {PAIR}", "verify cohort typo", ())
    with pytest.raises(ConfigError, match="axis device has no value 'tpu'") as caught:
        refused.run(print)
    assert caught.value.where == "matrix.yaml:17:17"
    needs = {one.build.id: together(shop, one.build, gates) for one in prepared.plan.builds}
    assert needs == {
        HEAD: (f"verify {PAIR}",),
        WORKERS: (f"verify {PAIR}",),
        "demo:2.55.1-py311-cpu": ("verify cohort typo",),
        "demo:2.55.1-py311-gpu": ("verify cohort typo",),
    }
    (joint,) = shop.pairs.joints(
        next(one for one in prepared.plan.builds if one.build.cell.ray == "2.55.1"), "sha256:1"
    )
    assert joint.why == "it is refused: axis device has no value 'tpu'"


def test_a_refused_cohort_is_no_work_of_a_run_without_its_builds(yard: Yard) -> None:
    cohorts = "cohorts:\n  typo: {head: {device: tpu}, workers: {ray: '2.55.1'}}\n"
    prepared = yard.prepared(cohorts, ray="2.60.0")
    assert list(pairing(workshop(yard, prepared), ("verify",))) == []


def test_what_is_not_published_is_planned_without_what_it_is_paired_with(yard: Yard) -> None:
    prepared = yard.prepared(only=(WORKERS,))
    found = beside(yard.settings, prepared, prepared.project, prepared.plan, ["verify"])
    assert found == Plan(steps={}, builds=())
