"""From verdicts in the ledger to evidence at a target, and from there to another machine."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.distribution import distribution
from factory.attesting import Attester
from factory.borrowing import Borrower
from factory.engine import Engine
from factory.evidence import Cosign
from factory.model import (
    Built,
    Gate,
    Matrix,
    Plan,
    PlannedBuild,
    Project,
    Publication,
    Signing,
    Status,
    Step,
    Subject,
    Target,
    Verdict,
    pair_digest,
)
from factory.project import load
from factory.publish import Publisher
from factory.registry import Registry, list_referrers, remove, tags
from factory.settings import Settings
from tests.integration.conftest import REPOSITORY
from tests.integration.evidence import PASSWORD, Published, key_pair, now, verdicts
from tests.integration.registries import Workshop, open_registry, settings_at, target_at
from tests.integration.test_evidence import audit

pytestmark = pytest.mark.engine
STEP = Step(
    kind="base",
    name="base",
    key="a" * 64,
    parent=None,
    dockerfile="FROM scratch",
    inputs=(("platform", "linux/amd64"), ("image scratch:1", "sha256:" + "b" * 64)),
)


@dataclass
class Bench:
    """A publisher with evidence, at a registry of the test's own."""

    settings: Settings
    workshop: Workshop
    target: Target
    registry: Registry
    signer: Cosign | None = None

    @property
    def planned(self) -> PlannedBuild:
        return self.workshop.planned()

    def publish(
        self, built: Built, judged: tuple[Verdict, ...], known: Publication | None = None
    ) -> Publication:
        attester = Attester(
            settings=self.settings,
            plan=Plan(steps={STEP.key: STEP}, builds=(self.planned,)),
            registry=lambda: self.registry,
            signer=self.signer,
            built=lambda planned, error: built,
            verdicts=lambda planned, digest, target: judged,
            joints=lambda planned, digest: (),
        )
        publisher = Publisher(
            engine=self.workshop.engine,
            registry=self.registry,
            target=self.target,
            locks=self.settings.cache / "locks",
            verdicts_of=lambda digest: judged,
            joints_of=lambda digest: (),
        )
        pushed = publisher.push(self.planned, built, judged, known)
        now, anew = pushed.publication, pushed.manifest is not None
        attester(self.planned, self.target, now, lambda _: None, anew=anew)
        return now


def judged_of(built: Built) -> tuple[Verdict, ...]:
    return verdicts(Subject(name="", digest="", config_digest=built.config_digest))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    workshop = Workshop(
        folder=tmp_path, engine=Engine.connect(), name=f"app-{secrets.token_hex(4)}"
    )
    with open_registry(tmp_path / "registry") as host:
        yield Bench(settings_at(tmp_path), workshop, target_at(host), Registry())
    workshop.clean()


def test_what_is_published_satisfies_an_audit(bench: Bench) -> None:
    built = bench.workshop.built("one")
    done = bench.publish(built, judged_of(built))
    code, found = audit(f"{done.repository}:{done.immutable}")
    assert (code, found["missing"]) == (0, ["sbom"])
    [record] = [one["build"] for one in found["evidence"] if one["build"]]
    assert record["key"] == built.key
    assert record["base"] == {"scratch:1": "sha256:" + "b" * 64}
    assert record["steps"][0]["platform"] == "linux/amd64"


def test_nothing_is_asked_again_where_nothing_is_new(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = bench.workshop.built("one")
    judged = judged_of(built)
    first = bench.publish(built, judged)
    asked: list[str] = []
    real = Registry.request

    def request(
        self: Registry, method: str, repository: str, resource: str, **more: object
    ) -> object:
        asked.append(f"{method} {resource.partition('/')[0]}")
        return real(self, method, repository, resource, **more)  # type: ignore[arg-type]  # as given

    monkeypatch.setattr(Registry, "request", request)
    assert bench.publish(built, judged, known=first) is first
    assert asked == ["HEAD manifests"], "and nothing for evidence"
    again = tuple(replace(one, basis="sha256:new") for one in judged)
    bench.publish(built, again, known=first)
    assert asked.count("PUT manifests") == 3, "two statements, and the list of them"


def test_what_was_removed_elsewhere_and_is_pushed_again_has_its_evidence_again(
    bench: Bench, tmp_path: Path
) -> None:
    """Another machine may collect it there; what is remembered here is of what was there before."""
    built = bench.workshop.built("one")
    judged = judged_of(built)
    with distribution(tmp_path / "collected") as host:
        bench.target = target_at(host)
        first = bench.publish(built, judged)
        for tag in tags(bench.registry, first.repository):
            digest = bench.registry.head(first.repository, tag)
            assert digest is None or remove(bench.registry, first.repository, digest)
        again = bench.publish(built, judged, known=first)
        assert again.manifest_digest == first.manifest_digest
        assert len(list_referrers(bench.registry, again.repository, again.manifest_digest)) == 3


def project(bench: Bench, trust: tuple[str, ...] = ()) -> Project:
    whole = load(replace(bench.settings, root=REPOSITORY))
    matrix: Matrix = replace(whole.matrix, targets=(bench.target,), evidence=Signing(trust=trust))
    return replace(whole, matrix=matrix)


def borrower_of(bench: Bench, trust: tuple[str, ...] = ()) -> Borrower:
    return Borrower(settings=bench.settings, project=project(bench, trust), registry=Registry())


def borrowed(bench: Bench, built: Built, gate: Gate, trust: tuple[str, ...] = ()) -> Verdict | None:
    """What a machine finds that has nothing but the image."""
    there = replace(built, source=bench.target.name)
    return borrower_of(bench, trust).verdict(bench.planned, there, gate, "sha256:basis")


def test_another_machine_takes_verdicts_from_a_registry_of_its_own(bench: Bench) -> None:
    built = bench.workshop.built("one")
    judged = judged_of(built)
    bench.publish(built, judged)
    for verdict in judged:
        found = borrowed(bench, built, verdict.gate)
        assert found
        assert (found.basis, found.status) == (verdict.basis, Status.PASS)
    elsewhere = replace(built, config_digest="sha256:" + "0" * 64)
    assert borrowed(bench, elsewhere, Gate.SCAN) is None


def test_what_is_in_the_engine_still_is_looked_for_at_all_targets_where_the_ledger_is_lost(
    bench: Bench,
) -> None:
    built = bench.workshop.built("one")
    bench.publish(built, judged_of(built))
    nobody = replace(bench.target, name="away", registry="127.0.0.1:1/none")
    whole = project(bench)
    away = replace(whole, matrix=replace(whole.matrix, targets=(nobody, bench.target)))
    borrower = Borrower(settings=bench.settings, project=away, registry=Registry().hasty())
    lost = replace(built, ours=False)
    found = borrower.verdict(bench.planned, lost, Gate.SCAN, "sha256:basis")
    assert found
    assert found.status is Status.PASS
    other = replace(lost, config_digest="sha256:" + "0" * 64)
    assert borrower.verdict(bench.planned, other, Gate.SCAN, "sha256:basis") is None
    fresh = Borrower(settings=bench.settings, project=away, registry=Registry().hasty())
    assert fresh.verdict(bench.planned, built, Gate.SCAN, "sha256:basis") is None, "made here"


OTHER = "sha256:" + "f" * 64


def paired(built: Built, **more: Any) -> Verdict:
    """A verdict on an image as the head, with another one's workers."""
    scan, _ = judged_of(built)
    images = (built.config_digest, OTHER)
    both = pair_digest(*images)
    return replace(scan, gate=Gate.VERIFY, config_digest=both, images=images, pair="a+b", **more)


def say_too(bench: Bench, built: Built, verdict: Verdict) -> None:
    """Publish an image, and attach another verdict to it."""
    done = bench.publish(built, judged_of(built))
    subject = Subject(name="x", digest=done.manifest_digest, config_digest=done.config_digest)
    Published(repository=done.repository, subject=subject).say((verdict,))


def together(bench: Bench, built: Built, other: str = OTHER, basis: str = "sha256:basis") -> Any:
    """What a machine finds of the two that has nothing but the images."""
    head, workers = (
        replace(built, config_digest=digest, source=bench.target.name)
        for digest in (built.config_digest, other)
    )
    sides = ((bench.planned, head), (bench.planned, workers))
    both = pair_digest(built.config_digest, other)
    return borrower_of(bench).together(sides, both, basis)


def test_another_machine_takes_what_two_images_passed_together(bench: Bench) -> None:
    built = bench.workshop.built("one")
    verdict = paired(built)
    say_too(bench, built, verdict)
    assert together(bench, built) == verify_without_detail(verdict)
    assert together(bench, built, other="sha256:" + "e" * 64) is None, "with other workers"
    assert together(bench, built, basis="sha256:other") is None
    alone = borrowed(bench, built, Gate.VERIFY)
    assert alone
    assert not alone.images, "each by itself is another matter"
    bench.target = replace(bench.target, kind="registry")
    assert together(bench, built) is None, "nobody signed it"


def test_a_newer_failure_of_two_images_hides_what_passed(bench: Bench) -> None:
    built = bench.workshop.built("one")
    say_too(bench, built, paired(built))
    assert together(bench, built)
    say_too(bench, built, paired(built, status=Status.FAIL, at="2999-01-01T00:00:00+00:00"))
    assert together(bench, built) is None


def test_a_newer_failure_on_the_same_basis_hides_what_passed(bench: Bench) -> None:
    built = bench.workshop.built("one")
    scan, verify = judged_of(built)
    done = bench.publish(built, (scan, verify))
    subject = Subject(name="x", digest=done.manifest_digest, config_digest=done.config_digest)
    published = Published(repository=done.repository, subject=subject)
    published.say((replace(scan, status=Status.FAIL), replace(verify, basis="sha256:other")))
    assert borrowed(bench, built, Gate.SCAN) is None
    assert borrowed(bench, built, Gate.VERIFY) == verify_without_detail(verify)


def verify_without_detail(verdict: Verdict) -> Verdict:
    return replace(verdict, checks=tuple(replace(one, detail=()) for one in verdict.checks))


def test_what_a_targets_own_policy_says_is_taken_over_by_nobody(bench: Bench) -> None:
    built = bench.workshop.built("one")
    judged = judged_of(built)
    bench.publish(built, judged)
    newer = tuple(replace(one, target="prod", at=now()) for one in judged)
    bench.publish(built, (*judged, *newer))
    found = borrowed(bench, built, Gate.SCAN)
    assert found
    assert found.target == "", "a target's own policy is nobody else's"


def test_from_a_registry_of_others_only_what_a_trusted_key_signed_is_believed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", PASSWORD)
    monkeypatch.setattr("factory.borrowing.is_loopback", lambda host: False)  # as if it were away
    bench.settings.root.mkdir()
    key, public = key_pair(bench.settings.root / "keys")
    _, stranger = key_pair(bench.settings.root / "keys", "stranger")
    built = bench.workshop.built("one")
    bench.publish(built, judged_of(built))
    assert borrowed(bench, built, Gate.SCAN) is None, "nobody signed it"
    bench.signer = Cosign(str(key), tmp_path)
    bench.publish(built, judged_of(built))
    names = {path: str(path.relative_to(bench.settings.root)) for path in (public, stranger)}
    assert borrowed(bench, built, Gate.SCAN) is None, "no key is trusted"
    assert borrowed(bench, built, Gate.SCAN, (names[stranger],)) is None
    found = borrowed(bench, built, Gate.SCAN, (names[public],))
    assert found
    assert found.status is Status.PASS
    repository = bench.target.repository(bench.workshop.name)
    digest = bench.registry.head(repository, bench.planned.immutable)
    assert digest
    assert list_referrers(bench.registry, repository, digest)


def test_a_loopback_address_that_is_not_the_local_registry_may_be_a_tunnel(bench: Bench) -> None:
    built = bench.workshop.built("one")
    bench.publish(built, judged_of(built))
    assert borrowed(bench, built, Gate.SCAN)
    bench.target = replace(bench.target, kind="registry")
    assert borrowed(bench, built, Gate.SCAN) is None, "nobody signed it"
