"""Evidence of what is promoted, and of what is collected: by registries with and without the
referrers API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.faults.house import NEW, OLD, House, house
from benchmarks.faults.referring import referring
from factory.evidence import Cosign
from factory.evidence.annotations import CREATED
from factory.model import Retention, State, Subject
from factory.registry import Registry, all_referrers, attached_tags
from factory.settings import Settings
from tests.integration.desk import Desk, desk_at, states
from tests.integration.evidence import PASSWORD, Published, key_pair, verdicts
from tests.integration.test_evidence import audit, cosign_verifies
from tests.integration.test_promote import aged

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("promote-evidence")) as found:
        yield found


@pytest.fixture
def desk(
    place: House, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    monkeypatch.setenv("COSIGN_PASSWORD", PASSWORD)
    with desk_at(place, tree, tmp_path, monkeypatch) as made:
        yield made


def published(desk: Desk, repository: str, key: str = NEW) -> Published:
    """The image of a key in a repository, as evidence is about it."""
    digest = desk.place.digests[key]
    config = desk.place.images[key].config_digest
    return Published(
        repository=repository,
        subject=Subject(name=desk.build.id, digest=digest, config_digest=config),
    )


def carried(ref: str, key: Path) -> Any:
    code, found = audit(ref, "--key", str(key))
    assert code == 0, found
    return {name: found[name] for name in ("evidence", "ignored", "others", "missing")}


@pytest.mark.parametrize(
    ("within", "at_source", "at_target"),
    [(False, False, False), (False, True, False), (False, False, True), (True, False, False)],
    ids=["between two", "from a list to tags", "from tags to a list", "within one"],
)
def test_an_audit_of_what_was_promoted_is_as_good_as_that_of_its_source(
    desk: Desk, tmp_path: Path, *, within: bool, at_source: bool, at_target: bool
) -> None:
    private, public = key_pair(tmp_path / "keys")
    hosts = [one.partition("/")[0] for one in (desk.staging, desk.prod)]
    hosts[1] = hosts[0] if within else hosts[1]
    with ExitStack() as stack:
        for at, lists in enumerate((at_source, at_target)):
            hosts[at] = stack.enter_context(referring(hosts[at])) if lists else hosts[at]
        desk.targets(f"{hosts[0]}/team", f"{hosts[1]}/prod")
        desk.publish(NEW)
        here, there = published(desk, desk.staging), published(desk, desk.prod)
        signer = Cosign(str(private), Path())
        here.say(signer=signer)
        assert states(desk.promote()) == [State.DONE, State.DONE]
        assert carried(there.ref, public) == carried(here.ref, public)
        assert cosign_verifies(there, public, "urn:ray-image-factory:verify:v1")
        # Judged anew at the source since: both tell the newer verdicts, and so does cosign's tag.
        here.say(verdicts(here.subject, "2027-01-01T00:00:00+00:00"), signer=signer)
        assert states(desk.promote()) == [State.CACHED, State.CACHED]
        tag = f"{attached_tags(here.subject.digest)[0]}.att"
        assert Registry().head(here.repository, tag) == Registry().head(there.repository, tag)
        kept = {
            one.digest for one in all_referrers(Registry(), here.repository, here.subject.digest)
        }
        came = {
            one.digest for one in all_referrers(Registry(), there.repository, there.subject.digest)
        }
        assert kept == came


def test_the_verdict_by_the_targets_own_policy_is_attached_there(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, public = key_pair(tmp_path / "keys")
    desk.publish(NEW)
    published(desk, desk.staging).say(signer=Cosign(str(private), Path()))
    own = replace(verdicts(published(desk, desk.prod).subject)[0], target="prod")
    monkeypatch.setattr(
        "factory.candidates.Candidates._by_target", lambda _self, _build, _digest: own
    )
    here, there = (one.rpartition("/")[0] for one in (desk.staging, desk.prod))
    desk.targets(here, there, scan=desk.project.matrix.scan)
    signing = replace(desk.project.matrix.evidence, key=str(private))
    desk.project = replace(desk.project, matrix=replace(desk.project.matrix, evidence=signing))
    for _ in range(2):
        desk.promote()
        found = carried(published(desk, desk.prod).ref, public)
        assert "scan at prod" in [one["about"] for one in found["evidence"]]
        assert found["ignored"] == []


def test_what_newer_evidence_replaced_at_the_source_goes_at_the_target_as_well(
    desk: Desk,
) -> None:
    desk.publish(NEW)
    here, there = published(desk, desk.staging), published(desk, desk.prod)
    for day in range(1, 6):
        here.say(verdicts(here.subject, f"2026-01-0{day}T00:00:00+00:00"))
        if day != 3:
            assert states(desk.promote())[-1] in (State.DONE, State.CACHED)
    for one in (here, there):
        found = all_referrers(Registry(), one.repository, one.subject.digest)
        days = [entry.annotations[CREATED][9:10] for entry in found]
        # The two newest verdicts of each gate; the build and what is in it are of the first day.
        assert sorted(days) == ["1", "1", "4", "4", "5", "5"]
        assert len(found) == 6


@pytest.mark.parametrize("lists", [False, True], ids=["by tags", "by a list"])
def test_evidence_goes_with_what_is_collected_and_stays_with_what_is_kept(
    desk: Desk, tmp_path: Path, *, lists: bool
) -> None:
    private, public = key_pair(tmp_path / "keys")
    with ExitStack() as stack:
        host = desk.staging.partition("/")[0]
        host = stack.enter_context(referring(host)) if lists else host
        policy = Retention(keep_days=30, keep_last=1)
        desk.targets(f"{host}/team", desk.prod.rpartition("/")[0], retention=policy)
        desk.publish(OLD, at=aged(90))
        desk.publish(NEW, at=aged(60))
        old, new = (published(desk, desk.staging, key) for key in (OLD, NEW))
        for one in (old, new):
            one.say(signer=Cosign(str(private), Path()))
        client, digest = Registry(), old.subject.digest
        before = carried(new.ref, public)
        about = [one.digest for one in all_referrers(client, old.repository, digest)]
        assert len(about) == 5
        note = _note(desk.settings, old)
        desk.collect(apply=True)
        for gone in (digest, *about, *attached_tags(digest)):
            assert client.head(old.repository, gone) is None
        assert not note.exists()
        assert carried(new.ref, public) == before


def _note(settings: Settings, one: Published) -> Path:
    from factory.attesting import Notes

    now = type("Now", (), {"repository": one.repository, "manifest_digest": one.subject.digest})()
    Notes(settings).write(now, "mark")
    [found] = (settings.state / "attached").iterdir()
    return found
