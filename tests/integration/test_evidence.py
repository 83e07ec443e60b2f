"""Evidence in a real registry, signed by the real cosign, and audited by the real command."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from factory import process
from factory.errors import ConfigError, PublishError
from factory.evidence import Cosign, carried, judge, subject_of
from factory.evidence.annotations import ABOUT, CREATED, SIGNER
from factory.evidence.envelope import ENVELOPE_TYPE, opened
from factory.evidence.statement import BUILD, STATEMENT_TYPE, VERDICTS
from factory.evidence.stored import cosign_tag
from factory.model import Audit, CheckStatus, Gate, Status, Terms
from factory.registry import Manifest, Registry, attach, list_referrers, tags
from factory.registry.referrers import Artifact, Descriptor, referrers_tag
from tests import warm
from tests.integration.conftest import REPOSITORY
from tests.integration.evidence import (
    PASSWORD,
    RECORD,
    Published,
    key_pair,
    partial,
    publish,
    verdicts,
)
from tests.integration.registries import open_registry

pytestmark = pytest.mark.engine  # it takes a registry and cosign, as bootstrap.sh brings them


@dataclass(frozen=True)
class Keys:
    private: Path
    public: Path
    stranger: Path

    @property
    def signer(self) -> Cosign:
        return Cosign(str(self.private), Path())


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    folder = tmp_path_factory.mktemp("keys")
    _, stranger = key_pair(folder, "stranger")
    return Keys(*key_pair(folder), stranger)


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", PASSWORD)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with open_registry(tmp_path_factory.mktemp("registry") / "it") as address:
        yield address


@pytest.fixture
def image(host: str, request: pytest.FixtureRequest) -> Published:
    """An image of the test's own."""
    name = request.node.name.partition("[")[0]
    return publish(f"{host}/{name.lower()}", content=request.node.nodeid.encode())


def audit(ref: str, *flags: str, root: Path | None = None) -> tuple[int, Any]:
    """Exit code and document of the command, on a machine without a project."""
    env = os.environ | {"FACTORY_ROOT": str(root or "/nonexistent"), "DOCKER_HOST": "tcp://0:1"}
    done = warm.command(["audit", ref, *flags, "--format", "json"], env, timeout=300)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def cosign_verifies(image: Published, public: Path, kind: str) -> bool:
    argv = ["cosign", "verify-attestation", "--key", str(public), "--insecure-ignore-tlog"]
    return process.run([*argv, "--type", kind, image.ref], check=False).code == 0


def test_signed_evidence_is_found_verified_and_accepted(image: Published, keys: Keys) -> None:
    image.say(signer=keys.signer)
    code, found = audit(image.ref, "--key", str(keys.public))
    assert (code, found["refusals"], found["missing"], found["ignored"]) == (0, [], [], [])
    assert {one["signer"] for one in found["evidence"]} == {str(keys.public)}
    assert [one["about"] for one in found["evidence"]] == ["scan", "verify", "build", "sbom"]


def test_cosign_itself_verifies_what_we_signed(image: Published, keys: Keys) -> None:
    image.say(signer=keys.signer)
    for kind in (*VERDICTS.values(), BUILD, "cyclonedx"):
        assert cosign_verifies(image, keys.public, kind), kind
    assert not cosign_verifies(image, keys.stranger, BUILD)


def test_cosign_itself_verifies_the_image(image: Published, keys: Keys) -> None:
    image.say(signer=keys.signer)

    def verified(public: Path) -> bool:
        argv = ["cosign", "verify", "--key", str(public), "--insecure-ignore-tlog", image.ref]
        return process.run(argv, check=False).code == 0

    assert verified(keys.public)
    assert not verified(keys.stranger)


def test_what_others_attested_by_cosign_is_kept_and_told(
    image: Published, keys: Keys, tmp_path: Path
) -> None:
    predicate = tmp_path / "predicate.json"
    predicate.write_text('{"says": "theirs"}')
    argv = ["cosign", "attest", "--yes", "--key", str(keys.private), "--tlog-upload=false"]
    process.run(
        [*argv, "--type", "https://example.com/theirs", f"--predicate={predicate}", image.ref]
    )
    image.say(signer=keys.signer)
    image.say((replace(verdicts(image.subject)[0], basis="new"),), signer=keys.signer)
    assert cosign_verifies(image, keys.public, "https://example.com/theirs")
    _, found = audit(image.ref, "--key", str(keys.public))
    assert "https://example.com/theirs" in found["others"]


def test_attaching_again_changes_nothing(image: Published, keys: Keys) -> None:
    judged = verdicts(image.subject)
    for signer in (None, keys.signer):
        image.say(judged, signer=signer)
        before = everything(image)
        image.say(judged, signer=signer)
        assert everything(image) == before


def everything(image: Published) -> dict[str, str | None]:
    """What each tag of its repository names."""
    registry = Registry()
    return {tag: registry.head(image.repository, tag) for tag in tags(registry, image.repository)}


def test_a_newer_verdict_takes_the_place_of_an_older_one(image: Published, keys: Keys) -> None:
    old = verdicts(image.subject, at="2026-01-01T00:00:00+00:00")
    failed = replace(
        old[0], status=Status.FAIL, checks=(replace(old[0].checks[0], status=CheckStatus.FAIL),)
    )
    image.say((failed, old[1]), signer=keys.signer)
    assert audit(image.ref, "--key", str(keys.public))[0] == 6
    image.say(signer=keys.signer)
    code, found = audit(image.ref, "--key", str(keys.public))
    assert code == 0
    assert {one["why"] for one in found["ignored"]} == {"a newer one is there"}
    layers = json.loads(
        Registry().require(image.repository, cosign_tag(image.subject.digest, "att")).content
    )
    assert len(layers["layers"]) == 4, "of each kind cosign keeps the newest"


def test_the_wrong_key_is_refused(image: Published, keys: Keys) -> None:
    image.say(signer=keys.signer)
    code, found = audit(image.ref, "--key", str(keys.stranger))
    assert code == 6
    assert "no trusted key made its signature" in found["refusals"][0]
    assert not found["evidence"]


def test_unsigned_evidence_is_refused_where_a_key_is_asked_for(
    image: Published, keys: Keys
) -> None:
    image.say()
    assert audit(image.ref)[0] == 0
    code, found = audit(image.ref, "--key", str(keys.public))
    assert code == 6
    assert "there is no scan verdict that counts: it is not signed" in found["refusals"]


def test_a_changed_payload_is_refused(image: Published, keys: Keys) -> None:
    """Its signature is the old one, and everything around it is made to fit."""
    scan, verify = verdicts(image.subject)
    failing = replace(scan, status=Status.FAIL)
    image.say((failing, verify), signer=keys.signer)
    forge(image, lambda payload: payload.replace(b'"status":"fail"', b'"status":"pass"'))
    code, found = audit(image.ref, "--key", str(keys.public))
    assert code == 6
    assert "or it was changed since" in found["refusals"][0]


def forge(image: Published, change: Callable[[bytes], bytes]) -> None:
    """Put changed envelopes in the place of all that were attached."""
    import base64

    registry = Registry()
    listed = list_referrers(registry, image.repository, image.subject.digest, ENVELOPE_TYPE)
    tag = referrers_tag(image.subject.digest)
    index = registry.require(image.repository, tag)
    empty = json.dumps(json.loads(index.content) | {"manifests": []}).encode()
    registry.put(image.repository, tag, Manifest(content=empty, media_type=index.media_type))
    attested = registry.require(image.repository, cosign_tag(image.subject.digest, "att"))
    none = json.dumps(json.loads(attested.content) | {"layers": []}).encode()
    registry.put(
        image.repository,
        cosign_tag(image.subject.digest, "att"),
        Manifest(content=none, media_type=attested.media_type),
    )
    subject = Descriptor(media_type=attested.media_type, digest=image.subject.digest, size=1)
    for one in listed:
        manifest = json.loads(registry.require(image.repository, one.digest).content)
        content = registry.blob(image.repository, manifest["layers"][0]["digest"])
        envelope = opened(content)
        assert envelope
        document = json.loads(content)
        document["payload"] = base64.b64encode(change(envelope.payload)).decode()
        forged = Artifact(
            artifact_type=ENVELOPE_TYPE,
            content=json.dumps(document).encode(),
            annotations=one.annotations,
        )
        attach(registry, image.repository, subject, forged)


def test_evidence_of_another_image_is_refused(image: Published, keys: Keys) -> None:
    other = publish(image.repository, content=b"another one")
    other.say(signer=keys.signer)
    registry = Registry()
    for one in list_referrers(registry, other.repository, other.subject.digest, ENVELOPE_TYPE):
        manifest = json.loads(registry.require(other.repository, one.digest).content)
        content = registry.blob(other.repository, manifest["layers"][0]["digest"])
        subject = Descriptor(media_type=manifest["mediaType"], digest=image.subject.digest, size=1)
        copied = Artifact(artifact_type=ENVELOPE_TYPE, content=content, annotations=one.annotations)
        attach(registry, image.repository, subject, copied)
    code, found = audit(image.ref, "--key", str(keys.public))
    assert code == 6
    assert "it is about another image" in found["refusals"][0]


@pytest.mark.parametrize("gate", [Gate.SCAN, Gate.VERIFY])
def test_a_missing_gate_is_refused(image: Published, gate: Gate) -> None:
    image.say(tuple(one for one in verdicts(image.subject) if one.gate is not gate))
    code, found = audit(image.ref)
    assert (code, found["missing"]) == (6, [gate.value])
    assert found["refusals"] == [f"there is no {gate.value} verdict"]


def test_a_partial_reason_is_refused_unless_it_is_accepted(image: Published) -> None:
    scan, verify = verdicts(image.subject)
    reason = "no NVIDIA runtime"
    image.say((scan, partial(verify, reason)))
    code, found = audit(image.ref)
    assert (code, found["partial"]) == (6, [reason])
    assert audit(image.ref, "--accept", reason)[0] == 0
    assert audit(image.ref, "--accept", "substituted base")[0] == 6


def test_a_substituted_base_is_refused_unless_it_is_accepted(image: Published) -> None:
    image.say(record=replace(RECORD, substituted_base=True))
    assert audit(image.ref)[1]["refusals"] == ["not accepted: substituted base"]
    assert audit(image.ref, "--accept", "substituted base")[0] == 0


def test_what_has_expired_is_refused(image: Published) -> None:
    image.say(verdicts(image.subject, at="2026-01-01T00:00:00+00:00"))
    assert audit(image.ref)[0] == 0
    code, found = audit(image.ref, "--max-age", "30")
    assert code == 6
    assert "expired" in found["refusals"][0]


def test_an_image_of_others_is_told_what_is_missing(image: Published) -> None:
    code, found = audit(f"{image.repository}:one")
    assert (code, found["evidence"]) == (6, [])
    assert found["missing"] == ["scan", "verify", "build", "sbom"]
    assert found["digest"] == image.subject.digest


def test_of_an_index_the_image_for_our_platform_is_looked_at(image: Published) -> None:
    image.say()
    registry = Registry()
    entries = [
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": size, "digest": digest}
        | {"platform": {"os": "linux", "architecture": name}}
        for name, digest, size in (
            ("amd64", image.subject.digest, len(registry.require(image.repository, "one").content)),
        )
    ]
    kind = "application/vnd.oci.image.index.v1+json"
    document = {"schemaVersion": 2, "mediaType": kind, "manifests": entries}
    index = Manifest(content=json.dumps(document).encode(), media_type=kind)
    registry.put(image.repository, "several", index)
    code, found = audit(f"{image.repository}:several")
    assert (code, found["digest"]) == (0, image.subject.digest)


def test_a_targets_policy_and_the_projects_keys_are_taken(
    image: Published, keys: Keys, tmp_path: Path
) -> None:
    (tmp_path / "k").mkdir()
    (tmp_path / "k" / "cosign.pub").write_bytes(keys.public.read_bytes())
    matrix = (REPOSITORY / "matrix.yaml").read_text()
    (tmp_path / "matrix.yaml").write_text(f"{matrix}\nevidence: {{trust: [k/cosign.pub]}}\n")
    scan, verify = verdicts(image.subject)
    judged = (scan, partial(verify, "no NVIDIA runtime"))
    image.say(judged)
    code, found = audit(image.ref, "--policy", "local", root=tmp_path)
    assert (code, found["policy"]["signed"]) == (6, True)
    image.say(judged, signer=keys.signer)
    code, found = audit(image.ref, "--policy", "local", root=tmp_path)
    assert (code, found["policy"]["target"]) == (0, "local")
    assert found["evidence"][0]["signer"] == "k/cosign.pub"


def test_a_wrong_password_is_explained_and_nothing_is_attached(
    image: Published, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", "wrong")
    with pytest.raises(PublishError, match="could not use the key") as caught:
        image.say(signer=keys.signer)
    assert "COSIGN_PASSWORD" in caught.value.todo
    assert everything(image).keys() == {"one"}


def test_a_key_may_be_in_a_variable(
    image: Published, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_KEY", keys.private.read_text())
    image.say(signer=Cosign("env://THE_KEY", Path()))
    assert audit(image.ref, "--key", str(keys.public))[0] == 0


@pytest.mark.parametrize("key", ["env://NO_SUCH_KEY", "no/such.key"])
def test_a_key_that_is_not_there_is_told(image: Published, key: str) -> None:
    with pytest.raises(ConfigError, match="there is no such"):
        image.say(signer=Cosign(key, Path()))


def test_more_than_anybody_reads_hides_no_refusal_and_refuses_nothing_that_is_older(
    image: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("factory.evidence.attach.superseded", lambda *_: ())  # as it once was
    days = [f"2026-01-0{day}T00:00:00+00:00" for day in range(1, 6)]
    for day in days:
        image.say(verdicts(image.subject, at=day))
    registry, repository = Registry(), image.repository

    def audited(most: int) -> Audit:
        monkeypatch.setattr("factory.evidence.collect._MOST", most)
        found = carried(registry, repository, image.subject, ())
        moment = datetime(2026, 2, 1, tzinfo=UTC)
        pieces, unread = found.pieces, found.unread
        return judge(image.ref, image.subject, pieces, (), Terms(), moment, unread)

    assert (audited(12).unread, audited(12).refusals) == (0, ())
    found = audited(4)
    assert (found.unread, found.refusals, found.missing) == (8, (), ())
    assert {one.at for one in found.pieces if one.verdict} == {days[-1]}
    # Somebody attaches once more what passed, as if it were newer, and the failure is not read.
    failed = verdicts(image.subject, at="2026-01-06T00:00:00+00:00")[0]
    image.say((replace(failed, status=Status.FAIL),))
    said = list_referrers(registry, repository, image.subject.digest, STATEMENT_TYPE)
    assert [said[at].annotations[ABOUT] for at in (-3, -2, 2)] == ["scan", "verify", "build"]
    whole = registry.require(repository, image.subject.digest)
    subject = Descriptor(media_type=whole.media_type, digest=whole.digest, size=len(whole.content))
    for one in (said[-3], said[-2], said[2]):
        layers = json.loads(registry.require(repository, one.digest).content)["layers"]
        again = Artifact(
            artifact_type=STATEMENT_TYPE,
            content=registry.blob(repository, layers[0]["digest"]),
            annotations={**one.annotations, SIGNER: "x", CREATED: "2026-01-07T00:00:00+00:00"},
        )
        attach(registry, repository, subject, again)
    found = audited(3)
    assert [one.about for one in found.pieces] == ["scan", "verify", "build"]
    assert len(found.refusals) == 1
    assert "more documents about this image were not read" in found.refusals[0]
    assert "scan failed" in audited(20).refusals


def test_an_image_that_is_an_index_at_once_is_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    both = json.dumps({"config": {"digest": "sha256:1"}, "layers": [], "manifests": []}).encode()
    manifest = Manifest(content=both, media_type="application/vnd.oci.image.manifest.v1+json")
    monkeypatch.setattr(Registry, "get", lambda *_: manifest)
    with pytest.raises(PublishError, match="an image and an index at once"):
        subject_of(Registry(), "h.example/app", "latest")
