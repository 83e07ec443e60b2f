"""Promotion between real registries, and collecting what is old there; no engine has a part in it
but for making the images."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from benchmarks.distribution import distribution
from benchmarks.faults.house import NEW, OLD, House, house
from benchmarks.faults.proxy import proxying
from benchmarks.tiny import passed
from factory.errors import ConfigError, PublishError, RegistryError
from factory.model import (
    NO_DATABASE,
    Check,
    CheckStatus,
    Ecr,
    Retention,
    ScanPolicy,
    State,
    Status,
)
from factory.model.naming import Naming
from factory.model.target import ECR
from factory.plan import immutable_tag
from factory.project import all_builds
from factory.registry import (
    Copier,
    Manifest,
    Registry,
    attached_tags,
    list_referrers,
    remove,
)
from factory.registry.pace import Pace
from factory.report.collected import collected_text
from factory.report.promoted import promoted_text
from tests.integration.abroad import ACCOUNT, AMAZON, REGION, amazon
from tests.integration.desk import Desk, desk_at, states

pytestmark = pytest.mark.engine
INDEX = "application/vnd.oci.image.index.v1+json"
OCI = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("promote")) as found:
        yield found


@pytest.fixture
def desk(
    place: House, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    with desk_at(place, tree, tmp_path, monkeypatch) as made:
        yield made


def test_what_is_at_staging_is_at_prod_by_the_same_digest(desk: Desk) -> None:
    published = desk.publish(NEW)
    found = desk.promote()
    assert states(found) == [State.DONE, State.DONE]
    assert set(desk.named(desk.prod, NEW).values()) == {published.manifest_digest}
    with desk.ledger() as ledger:
        known = ledger.publication(desk.build.id, "prod")
    assert known
    assert replace(known, at="") == replace(published, at="", target="prod", repository=desk.prod)
    assert found.absent == tuple(one.id for one in all_builds(desk.project)[1:])
    assert "3 blobs sent" in promoted_text(found)


def test_a_second_promotion_copies_nothing_and_changes_nothing(desk: Desk) -> None:
    desk.publish(NEW)
    desk.promote()
    with desk.ledger() as ledger:
        before = ledger.publication(desk.build.id, "prod")
    found = desk.promote()
    assert states(found) == [State.CACHED, State.CACHED]
    assert (found.sent, found.mounted) == (0, 0)
    with desk.ledger() as ledger:
        assert ledger.publication(desk.build.id, "prod") == before
    assert "nothing had to be copied" in promoted_text(found)


def test_within_one_registry_no_blob_is_sent(desk: Desk) -> None:
    host = desk.staging.partition("/")[0]
    with proxying(host) as proxy:
        desk.targets(f"{proxy.host}/team", f"{proxy.host}/prod")
        desk.publish(NEW)
        proxy.forget()
        found = desk.promote()
        assert (found.mounted, found.sent, proxy.blob_bytes()) == (3, 0, 0)
        assert not [one for one in proxy.seen if one.method == "GET" and "/blobs/" in one.path]
        assert set(desk.named(desk.prod, NEW).values()) == {desk.place.digests[NEW]}


def test_what_prod_does_not_accept_stays_at_staging(desk: Desk) -> None:
    published = desk.publish(NEW)
    scan = passed(desk.place.images[NEW])[0]
    skipped = Check(name="vulnerabilities", status=CheckStatus.SKIPPED, reason=NO_DATABASE)
    desk.record(
        replace(
            scan, basis="later", status=Status.PARTIAL, partial=(NO_DATABASE,), checks=(skipped,)
        )
    )
    found = desk.promote()
    assert states(found) == [State.FAILED, State.BLOCKED]
    assert found.outcomes[0].code == 6
    assert "`prod` does not accept from scan: no vulnerability database" in promoted_text(found)
    assert set(desk.named(desk.prod, NEW).values()) == {None}
    desk.targets(
        desk.staging.rpartition("/")[0],
        desk.prod.rpartition("/")[0],
        accept=frozenset({NO_DATABASE}),
    )
    assert states(desk.promote()) == [State.DONE, State.DONE]
    assert published.manifest_digest in desk.named(desk.prod, NEW).values()


def test_a_failed_verdict_and_a_substituted_base_are_refused(desk: Desk) -> None:
    desk.publish(NEW)
    failed = Check(name="boot", status=CheckStatus.FAIL, reason="it did not")
    verify = passed(desk.place.images[NEW])[1]
    desk.record(replace(verify, basis="later", status=Status.FAIL, checks=(failed,)))
    with desk.ledger() as ledger:
        ledger.record_built(replace(desk.place.images[NEW], substituted_base=True))
    said = promoted_text(desk.promote())
    assert "verify check `boot` failed: it did not" in said
    assert "`prod` does not accept: substituted base" in said
    assert set(desk.named(desk.prod, NEW).values()) == {None}


def test_nothing_at_the_source_is_an_error(desk: Desk) -> None:
    with pytest.raises(PublishError, match="was published at `staging`"):
        desk.promote()


def test_what_somebody_else_published_at_the_source_is_not_promoted(desk: Desk) -> None:
    desk.publish(NEW)
    client = Registry()
    old = client.require(f"{desk.place.source}/team/seed", desk.place.digests[OLD])
    Copier(client).image(f"{desk.place.source}/team/seed", desk.staging, old)
    client.put(desk.staging, desk.build.cell.id, old)
    found = desk.promote()
    assert states(found) == [State.FAILED, State.BLOCKED]
    assert "names another image by now" in found.outcomes[0].reason


def test_what_was_published_where_the_source_was_before_is_not_promoted(desk: Desk) -> None:
    desk.publish(NEW)
    here, there = desk.staging.rpartition("/")[0], desk.prod.rpartition("/")[0]
    desk.targets(f"{here}-elsewhere", there)
    found = desk.promote()
    assert states(found) == [State.FAILED, State.BLOCKED]
    assert "`staging` is at " in found.outcomes[0].reason


def test_an_immutable_tag_of_prod_is_never_rewritten(desk: Desk) -> None:
    desk.publish(NEW)
    seed, client = f"{desk.place.source}/team/seed", Registry()
    theirs = client.require(seed, desk.place.digests[OLD])
    Copier(client).image(seed, desk.prod, theirs, immutable_tag(desk.build, NEW))
    found = desk.promote()
    assert states(found) == [State.FAILED, State.BLOCKED]
    assert "never overwritten" in found.outcomes[0].reason
    tags = desk.named(desk.prod, NEW)
    assert tags.pop(immutable_tag(desk.build, NEW)) == theirs.digest
    assert set(tags.values()) == {None}


def test_a_pair_is_promoted_with_a_verdict_on_both_as_they_are_at_the_source(desk: Desk) -> None:
    head, same_ray = desk.pair()
    desk.publish(NEW, build=head)
    assert "one half is not published at `staging`" in promoted_text(desk.promote())
    desk.publish(OLD, build=same_ray)
    assert "there is no verify verdict" in promoted_text(desk.promote())
    desk.judge_pair()
    found = desk.promote()
    assert states(found) == [State.DONE] * 3
    assert found.outcomes[-1].subject == "c"


def test_a_promotion_of_what_is_there_reads_no_manifest(desk: Desk) -> None:
    """Docker Hub counts that as a pull."""
    desk.publish(NEW)
    desk.promote()
    with proxying(desk.staging.partition("/")[0]) as proxy:
        desk.targets(f"{proxy.host}/team", desk.prod.rpartition("/")[0])
        with desk.ledger() as ledger:
            known = ledger.publication(desk.build.id, "staging")
            ledger.record_publication(replace(known, repository=desk.staging))
        assert states(desk.promote()) == [State.CACHED, State.CACHED]
        read = [one for one in proxy.seen if one.method == "GET" and one.status == 200]
        assert not [one for one in read if "/manifests/" in one.path]


def attach(repository: str, digest: str, kind: str, *, more: str = "") -> None:
    """Attach something to an image: an index of referrers, or one of cosign's tags."""
    client = Registry()
    about = client.require(repository, digest)
    image = json.loads(about.content)
    subject = {"mediaType": about.media_type, "digest": digest, "size": len(about.content)}
    note: dict[str, Any] = {"subject": subject} if kind == "index" else {}
    note |= {"config": image["config"], "layers": image["layers"][:1], "schemaVersion": 2}
    child = Manifest(
        content=json.dumps({**note, "mediaType": OCI, "annotations": {"is": kind + more}}).encode(),
        media_type=OCI,
    )
    tag = attached_tags(digest)[0]
    if kind != "index":
        client.put(repository, f"{tag}{kind}", child)
        return
    client.put(repository, child.digest, child)
    entry = {"mediaType": OCI, "digest": child.digest, "size": len(child.content)}
    before = client.get(repository, tag)
    entries = json.loads(before.content)["manifests"] if before else []
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*entries, entry]}
    client.put(repository, tag, Manifest(content=json.dumps(index).encode(), media_type=INDEX))


def attached(repository: str, digest: str) -> list[str]:
    found = Registry().get(repository, attached_tags(digest)[0])
    return [one["digest"] for one in json.loads(found.content)["manifests"]] if found else []


def test_what_is_attached_is_copied_too_and_prods_own_stays(desk: Desk) -> None:
    digest = desk.publish(NEW).manifest_digest
    desk.promote()
    attach(desk.prod, digest, "index", more=" of prod")
    attach(desk.staging, digest, "index")
    attach(desk.staging, digest, ".sig")
    [ours], [theirs] = attached(desk.staging, digest), attached(desk.prod, digest)
    desk.promote()
    assert set(attached(desk.prod, digest)) == {ours, theirs}
    for name in (ours, theirs, f"{attached_tags(digest)[0]}.sig"):
        assert Registry().head(desk.prod, name)
    desk.promote()
    assert len(attached(desk.prod, digest)) == 2


def test_what_is_attached_to_evidence_comes_along_three_deep(desk: Desk) -> None:
    """Such as a signature of a bill of materials, and a timestamp of that."""
    chain = [desk.publish(NEW).manifest_digest]
    for _ in range(4):
        attach(desk.staging, chain[-1], "index", more=f" {len(chain)}")
        chain += attached(desk.staging, chain[-1])
    attach(desk.staging, chain[1], ".sig")
    assert states(desk.promote()) == [State.DONE, State.DONE]
    there = [Registry().head(desk.prod, digest) == digest for digest in chain]
    assert there == [True, True, True, True, False]
    assert [attached(desk.prod, one) for one in chain[:3]] == [[one] for one in chain[1:4]]
    assert Registry().head(desk.prod, f"{attached_tags(chain[1])[0]}.sig")
    assert states(desk.promote()) == [State.CACHED, State.CACHED]


def test_what_is_listed_and_gone_is_passed_over(desk: Desk) -> None:
    """What was broken off while it took older evidence away leaves such an entry."""
    digest = desk.publish(NEW).manifest_digest
    attach(desk.staging, digest, "index", more=" one")
    attach(desk.staging, digest, "index", more=" two")
    gone, stays = attached(desk.staging, digest)
    remove(Registry(), desk.staging, gone)
    assert states(desk.promote()) == [State.DONE, State.DONE]
    assert attached(desk.prod, digest) == [stays]


def test_what_others_only_say_is_attached_is_not_brought_along(desk: Desk) -> None:
    """Who may push writes the list, and would have any image brought to where only we may push."""
    digest = desk.publish(NEW).manifest_digest
    client = Registry()
    other = json.loads(client.require(desk.staging, digest).content)
    content = json.dumps({**other, "annotations": {"of": "others"}}).encode()
    manifest = Manifest(content=content, media_type=other["mediaType"])
    client.put(desk.staging, manifest.digest, manifest)
    entry = {"mediaType": manifest.media_type, "digest": manifest.digest, "size": len(content)}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    tag = attached_tags(digest)[0]
    client.put(desk.staging, tag, Manifest(content=json.dumps(index).encode(), media_type=INDEX))
    assert states(desk.promote()) == [State.DONE, State.DONE]
    assert client.head(desk.prod, manifest.digest) is None
    assert attached(desk.prod, digest) == []


def test_two_targets_that_are_one_place_are_refused(desk: Desk) -> None:
    here = desk.staging.rpartition("/")[0]
    desk.targets(here, here)
    with pytest.raises(ConfigError, match="one and the same place"):
        desk.promote()


def test_a_promotion_to_amazon_has_a_login_a_repository_and_its_pace(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    waits: list[Pace] = []
    monkeypatch.setattr(Pace, "wait", lambda pace: waits.append(pace))
    with amazon(tmp_path / "amazon", monkeypatch):
        desk.targets(
            desk.staging.rpartition("/")[0],
            f"{AMAZON}/ray",
            kind=ECR,
            ecr=Ecr(account=ACCOUNT, region=REGION),
            naming=Naming(latest=desk.project.matrix.latest),
        )
        published = desk.publish(NEW)
        attach(desk.staging, published.manifest_digest, "index")
        assert states(desk.promote()) == [State.DONE, State.DONE]
        [made] = boto3.client("ecr", region_name=REGION).describe_repositories()["repositories"]
        assert made["repositoryName"] == f"ray/{desk.build.image}"
        # The image and each of its floating tags, what refers to it, and the list of that.
        assert len(waits) == 1 + len(published.floating) + 2
        assert states(desk.promote()) == [State.CACHED, State.CACHED]
        assert list((desk.settings.cache / "logins").glob("login-*")) == []


def aged(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")


def keeping(desk: Desk, **policy: Any) -> None:
    here, there = desk.staging.rpartition("/")[0], desk.prod.rpartition("/")[0]
    desk.targets(here, there, retention=Retention(**policy))


def test_collecting_is_dry_until_it_is_told_and_then_removes_what_nothing_keeps(
    desk: Desk,
) -> None:
    keeping(desk, keep_days=30, keep_last=1)
    old = desk.publish(OLD, at=aged(90))
    attach(desk.staging, old.manifest_digest, ".sig")
    attach(desk.staging, old.manifest_digest, "index")
    [referrer] = attached(desk.staging, old.manifest_digest)
    new = desk.publish(NEW, at=aged(60))
    dry = desk.collect()
    assert {one.digest: one.keep for one in dry.decisions} == {
        new.manifest_digest: True,
        old.manifest_digest: False,
    }
    assert "1 kept, 1 to remove: run again with --apply" in collected_text(dry)
    assert Registry().head(desk.staging, old.immutable) == old.manifest_digest
    done = desk.collect(apply=True)
    assert done.removed == (old.manifest_digest,)
    signature = f"{attached_tags(old.manifest_digest)[0]}.sig"
    index = attached_tags(old.manifest_digest)[0]
    for gone in (old.immutable, old.manifest_digest, signature, index, referrer):
        assert Registry().head(desk.staging, gone) is None
    assert set(desk.named(desk.staging, NEW).values()) == {new.manifest_digest}
    again = desk.collect(apply=True)
    assert (again.removed, [one.keep for one in again.decisions]) == ((), [True])


def test_what_another_tag_names_is_kept_and_so_is_what_is_young(desk: Desk) -> None:
    keeping(desk, keep_days=30, keep_last=1)
    old = desk.publish(OLD, at=aged(90))
    desk.publish(NEW, at=aged(10))
    assert all(one.keep for one in desk.collect(apply=True).decisions)
    keeping(desk, keep_days=5, keep_last=1)
    manifest = Registry().require(desk.staging, old.immutable)
    Registry().put(desk.staging, "of-somebody-else", manifest)
    found = desk.collect(apply=True)
    assert not found.removed
    assert Registry().head(desk.staging, old.immutable)


def test_a_registry_that_removes_nothing_is_explained(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.distribution.DELETES", False)
    with distribution(tmp_path / "fixed") as host:
        desk.targets(
            f"{host}/team",
            desk.prod.rpartition("/")[0],
            retention=Retention(keep_days=1, keep_last=1),
        )
        desk.publish(OLD, at=aged(90))
        desk.publish(NEW, at=aged(60))
        assert not all(one.keep for one in desk.collect().decisions)
        with pytest.raises(RegistryError, match="removes nothing") as caught:
            desk.collect(apply=True)
        assert "storage: {delete: {enabled: true}}" in caught.value.todo


def test_a_target_without_a_policy_is_told_how_to_have_one(desk: Desk) -> None:
    with pytest.raises(ConfigError, match="no retention policy") as caught:
        desk.collect()
    assert "keep_days" in caught.value.todo


def test_what_nobody_declared_passed_for_nobody(desk: Desk) -> None:
    """`invoke verify --ref` asks less of an image: a pass there undoes no failure of before."""
    desk.publish(NEW)
    verify = passed(desk.place.images[NEW])[1]
    failed = Check(name="boot", status=CheckStatus.FAIL, reason="it did not")
    desk.record(replace(verify, basis="later", status=Status.FAIL, checks=(failed,)))
    with desk.ledger() as ledger:
        undeclared = replace(verify, basis="of a stranger")
        ledger.record_verdict(undeclared, {"asked": "contract", "expected": {"declared": False}})
    found = desk.promote()
    assert states(found) == [State.FAILED, State.BLOCKED]
    assert "verify check `boot` failed: it did not" in promoted_text(found)
    desk.record(replace(verify, basis="later still"))
    assert states(desk.promote()) == [State.DONE, State.DONE]


def test_what_the_targets_own_policy_says_is_attached_there(desk: Desk) -> None:
    """Else an audit by that policy would find the verdict of nobody but the source's."""
    published = desk.publish(NEW)
    here, there = desk.staging.rpartition("/")[0], desk.prod.rpartition("/")[0]
    desk.targets(here, there, scan=ScanPolicy())
    scan = replace(passed(desk.place.images[NEW])[0], at="2026-11-29T00:00:00+00:00")
    desk.monkeypatch.setattr("factory.scan.scan_again", lambda **_: scan)
    for _ in range(2):
        desk.promote()
        listed = list_referrers(Registry(), desk.prod, published.manifest_digest)
        assert [one.annotations["io.ray-image-factory.about"] for one in listed] == ["scan at prod"]
        assert not list_referrers(Registry(), desk.staging, published.manifest_digest)


def test_what_others_only_say_is_attached_is_left(desk: Desk) -> None:
    """Who may push writes the list, and would have others' images removed by us."""
    keeping(desk, keep_days=30, keep_last=1)
    old = desk.publish(OLD, at=aged(90))
    new = desk.publish(NEW, at=aged(60))
    client = Registry()
    victim = json.loads(client.require(desk.staging, new.manifest_digest).content)
    content = json.dumps({**victim, "annotations": {"of": "others"}}).encode()
    manifest = Manifest(content=content, media_type=victim["mediaType"])
    client.put(desk.staging, manifest.digest, manifest)
    entry = {"mediaType": manifest.media_type, "digest": manifest.digest, "size": len(content)}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    tag = attached_tags(old.manifest_digest)[0]
    client.put(desk.staging, tag, Manifest(content=json.dumps(index).encode(), media_type=INDEX))
    assert desk.collect(apply=True).removed == (old.manifest_digest,)
    assert client.head(desk.staging, manifest.digest) == manifest.digest


def test_what_another_machine_pushed_and_no_tag_floats_to_yet_is_kept(desk: Desk) -> None:
    """Its tags may be about to move, by a journal that is there alone."""
    keeping(desk, keep_days=1, keep_last=1)
    old = desk.publish(OLD, at=aged(90))
    desk.publish(NEW, at=aged(60))
    client = Registry()
    ours = json.loads(client.require(desk.staging, old.immutable).content)
    content = json.dumps({**ours, "annotations": {"of": "another machine"}}).encode()
    theirs = Manifest(content=content, media_type=ours["mediaType"])
    immutable = immutable_tag(desk.build, "d" * 64)
    client.put(desk.staging, immutable, theirs)
    attach(desk.staging, theirs.digest, "index")
    [note] = attached(desk.staging, theirs.digest)
    done = desk.collect(apply=True)
    assert done.removed == (old.manifest_digest,)
    [kept] = [one for one in done.decisions if one.digest == theirs.digest]
    assert (kept.keep, kept.why) == (True, "it was not published from here")
    for name in (immutable, note):
        assert client.head(desk.staging, name)


def test_what_an_index_of_others_lists_is_kept(desk: Desk) -> None:
    keeping(desk, keep_days=30, keep_last=1)
    old = desk.publish(OLD, at=aged(90))
    desk.publish(NEW, at=aged(60))
    client = Registry()
    content = client.require(desk.staging, old.manifest_digest)
    size = len(content.content)
    entry = {"mediaType": content.media_type, "digest": old.manifest_digest, "size": size}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    of_many = Manifest(content=json.dumps(index).encode(), media_type=INDEX)
    client.put(desk.staging, "of-many", of_many)
    assert not desk.collect(apply=True).removed
    assert client.head(desk.staging, old.immutable) == old.manifest_digest
