"""What newer evidence replaces goes, and nothing else: by registries with and without the referrers
API, and such as remove nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.distribution import distribution
from benchmarks.faults.referring import referring
from factory.errors import RegistryError
from factory.evidence import Evidence, PublicKey, attach_evidence
from factory.evidence.annotations import ABOUT
from factory.evidence.envelope import ENVELOPE_TYPE
from factory.evidence.keys import public_key
from factory.evidence.stored import cosign_tag
from factory.registry import (
    Artifact,
    Descriptor,
    Manifest,
    Registry,
    attach,
    list_referrers,
    referrers_tag,
    remove,
)
from tests.integration.evidence import (
    RECORD,
    SBOM,
    Published,
    publish,
    verdicts,
)
from tests.integration.test_evidence import audit

pytestmark = pytest.mark.engine  # it takes a registry and cosign, as bootstrap.sh brings them
NOTE = Artifact(artifact_type="text/plain", content=b"of somebody else")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with distribution(tmp_path_factory.mktemp("upkeep") / "registry") as address:
        yield address


@pytest.fixture(params=[False, True], ids=["by a tag", "by a list"])
def image(host: str, request: pytest.FixtureRequest) -> Iterator[Published]:
    """An image of the test's own, at a registry without and with the referrers API."""
    name = request.node.originalname.lower()
    if not request.param:
        yield publish(f"{host}/tagged/{name}")
        return
    with referring(host) as lists:
        yield publish(f"{lists}/listed/{name}")


@dataclass(frozen=True)
class Key:
    """Signs as cosign does, within milliseconds."""

    private: ec.EllipticCurvePrivateKey
    public: PublicKey

    def sign(self, content: bytes) -> bytes:
        return self.private.sign(content, ec.ECDSA(hashes.SHA256()))


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Key, Path]:
    private = ec.generate_private_key(ec.SECP256R1())
    text = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (tmp_path / "key.pub").write_bytes(text)
    return Key(private, public_key(text, "key.pub")), tmp_path / "key.pub"


def say(
    image: Published,
    day: int,
    signer: Key | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> None:
    """What a nightly run finds: a new scan verdict, and the rest as it was."""
    scan, verify = verdicts(image.subject, at="2026-01-01T00:00:00+00:00")
    scan = replace(scan, at=f"2026-01-{day:02}T00:00:00+00:00")
    evidence = Evidence(verdicts=(scan, verify), record=RECORD, sbom=SBOM)
    attach_evidence(Registry(), image.repository, image.subject, evidence, signer, note)


def listed(image: Published, about: str = "") -> dict[str, str]:
    """By digest the days of what refers to it."""
    return {
        one.digest: one.annotations.get("org.opencontainers.image.created", "")[8:10]
        for one in list_referrers(Registry(), image.repository, image.subject.digest)
        if about in ("", one.annotations.get(ABOUT))
    }


def there(image: Published, digest: str) -> bool:
    return Registry().head(image.repository, digest) is not None


def about(image: Published, digest: str = "") -> Descriptor:
    whole = Registry().require(image.repository, digest or image.subject.digest)
    return Descriptor(media_type=whole.media_type, digest=whole.digest, size=len(whole.content))


def test_of_each_kind_the_newest_and_the_one_before_stay(
    image: Published, keys: tuple[Key, Path]
) -> None:
    signer, public = keys
    theirs = attach(Registry(), image.repository, about(image), NOTE)
    say(image, 1)  # unsigned, and so nobody's
    seen: set[str] = set()
    for day in (2, 3, 4):
        say(image, day, signer)
        seen |= set(listed(image))
        before = [Registry().head(image.repository, tag) for tag in tags(image)]
    say(image, 5, signer)
    now = listed(image)
    assert sorted(listed(image, "scan").values()) == ["01", "04", "05"]
    assert theirs.digest in now
    assert len(now) == 1 + 4 + 3 + 2, "what was attached once is there as it was"
    assert {one for one in seen if not there(image, one)} == seen - now.keys()
    assert len(seen - now.keys()) == 2
    assert not any(one and there(image, one) for one in before), "nobody needs the lists of before"
    code, found = audit(image.ref, "--key", str(public))
    assert (code, found["missing"]) == (0, [])
    assert "text/plain" in found["others"]


def tags(image: Published) -> tuple[str, str]:
    digest = image.subject.digest
    return referrers_tag(digest), cosign_tag(digest, "att")


def test_a_publisher_that_is_behind_removes_nothing_of_what_is_newer(image: Published) -> None:
    for day in (5, 6, 7, 2):
        say(image, day)
    assert sorted(listed(image, "scan").values()) == ["02", "06", "07"]


def test_what_another_publisher_attaches_meanwhile_stays(
    image: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (1, 2):
        say(image, day)
    monkeypatch.setattr("factory.evidence.upkeep.list_referrers", meanwhile(image, 4))
    say(image, 3)
    assert {"03", "04"} <= set(listed(image, "scan").values())
    assert "01" not in listed(image, "scan").values()


def meanwhile(image: Published, day: int) -> Callable[..., tuple[Descriptor, ...]]:
    """Lists what refers to it after another publisher has attached something."""
    others = [day]

    def found(*asked: object) -> tuple[Descriptor, ...]:
        if others:
            say(image, others.pop())
        return list_referrers(*asked)  # type: ignore[arg-type]  # as it is called

    return found


def test_what_replaces_it_has_to_be_listed_before_anything_goes(
    image: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (1, 2):
        say(image, day)
    monkeypatch.setattr("factory.evidence.upkeep.list_referrers", lambda *_: ())
    notes: list[str] = []
    say(image, 3, note=notes.append)
    assert sorted(listed(image, "scan").values()) == ["01", "02", "03"]
    assert "what replaces it is not listed yet" in notes[0]


def test_what_something_is_attached_to_stays(image: Published) -> None:
    say(image, 1)
    [oldest] = listed(image, "scan")
    signature = attach(Registry(), image.repository, about(image, oldest), NOTE)
    for day in (2, 3, 4):
        say(image, day)
    assert sorted(listed(image, "scan").values()) == ["01", "03", "04"]
    assert there(image, signature.digest)


def test_what_a_list_only_claims_to_be_older_evidence_stays(host: str) -> None:
    """Who may push writes that list, and would have us remove what we never attached."""
    image = publish(f"{host}/claimed")
    say(image, 1)
    say(image, 2)
    registry, tag = Registry(), referrers_tag(image.subject.digest)
    victim = publish(image.repository, content=b"another image").subject.digest
    index = registry.require(image.repository, tag)
    document = json.loads(index.content)
    [old] = [one for one, day in listed(image, "scan").items() if day == "01"]
    [new] = [one for one, day in listed(image, "scan").items() if day == "02"]
    entry = next(one for one in document["manifests"] if one["digest"] == old)
    document["manifests"] = [
        *({**entry, "digest": one} for one in (victim, new)),
        *(one for one in document["manifests"] if one["digest"] != new),
    ]
    changed = Manifest(content=json.dumps(document).encode(), media_type=index.media_type)
    registry.put(image.repository, tag, changed)
    for day in (3, 4):
        say(image, day)
    assert there(image, victim)
    assert there(image, new)


def test_what_is_broken_off_in_between_leaves_a_list_that_all_can_add_to(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = publish(f"{host}/broken-off")
    for day in (1, 2):
        say(image, day)
    [oldest] = [one for one, day in listed(image, "scan").items() if day == "01"]

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    for step, day in (("delist", 3), ("remove", 4)):
        with monkeypatch.context() as patch:
            patch.setattr(f"factory.evidence.upkeep.{step}", killed)
            with pytest.raises(KeyboardInterrupt):
                say(image, day)
        assert there(image, oldest)
        assert all(there(image, one) for one in listed(image))
    say(image, 5)
    assert sorted(listed(image, "scan").values()) == ["04", "05"]


def test_what_others_removed_and_left_in_the_list_keeps_nobody_from_adding(host: str) -> None:
    """Registries take no list of what is not there."""
    image = publish(f"{host}/left")
    say(image, 1)
    [gone] = listed(image, "scan")
    remove(Registry(), image.repository, gone)
    say(image, 2)
    assert sorted(listed(image, "scan").values()) == ["02"]


def test_a_registry_that_removes_nothing_is_told_and_its_own_list_alone_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.distribution.DELETES", False)
    with distribution(tmp_path / "fixed") as host, referring(host) as lists:
        for where, left in ((host, ["03", "04"]), (lists, ["01", "02", "03", "04"])):
            image = publish(f"{where}/{len(left)}")
            notes: list[str] = []
            for day in (1, 2, 3, 4):
                say(image, day, note=notes.append)
            assert sorted(listed(image, "scan").values()) == left
            assert len(notes) == 2
            assert notes[0] == (
                f"older evidence stays in {image.repository}: this registry removes nothing"
            )


def test_a_registry_that_fails_while_older_evidence_goes_fails_nobody(
    image: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RegistryError("it broke", status=500)

    for day in (1, 2):
        say(image, day)
    monkeypatch.setattr("factory.evidence.upkeep.remove", broken)
    notes: list[str] = []
    say(image, 3, note=notes.append)
    assert notes == [f"older evidence stays in {image.repository}: it broke"]
    assert {"02", "03"} <= set(listed(image, "scan").values())


def test_a_list_that_vanished_with_the_one_before_is_written_again(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody put the one before back at the moment when it was removed."""
    image = publish(f"{host}/vanished")
    say(image, 1)
    tag = referrers_tag(image.subject.digest)

    def robbed(registry: Registry, repository: str, digest: str) -> bool:
        whole = registry.require(repository, digest)
        if whole.media_type.endswith("index.v1+json"):
            registry.put(repository, tag, whole)
        return remove(registry, repository, digest)

    monkeypatch.setattr("factory.registry.removal.remove", robbed)
    say(image, 2)
    assert sorted(listed(image, "scan").values()) == ["01", "02"]


def test_it_is_by_signed_statements_that_such_are_replaced(
    host: str, keys: tuple[Key, Path]
) -> None:
    """What is not signed replaces nothing that is."""
    image = publish(f"{host}/signed-stays")
    say(image, 1, keys[0])
    say(image, 2, keys[0])
    for day in (3, 4, 5):
        say(image, day)
    found = list_referrers(Registry(), image.repository, image.subject.digest, ENVELOPE_TYPE)
    assert sum(one.annotations[ABOUT] == "scan" for one in found) == 2
