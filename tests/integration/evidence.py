"""Tiny published images with evidence, and keys to sign it with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from factory import process
from factory.evidence import Evidence, Signer, attach_evidence
from factory.model import (
    BuildRecord,
    Check,
    CheckStatus,
    Gate,
    Status,
    Subject,
    Verdict,
)
from factory.registry import OCI_MANIFEST, Descriptor, Manifest, Registry, upload

PASSWORD = "hush"
SBOM = json.dumps(
    {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"timestamp": "2026-01-01T00:00:00+00:00"},
        "components": [{"name": "ray"}, {"name": "numpy"}],
    }
).encode()


def key_pair(folder: Path, name: str = "cosign") -> tuple[Path, Path]:
    """A private key and its public half, by cosign itself."""
    folder.mkdir(exist_ok=True)
    argv = ["cosign", "generate-key-pair", f"--output-key-prefix={name}"]
    process.run(argv, cwd=folder, env={"COSIGN_PASSWORD": PASSWORD})
    return folder / f"{name}.key", folder / f"{name}.pub"


def push_image(repository: str, tag: str = "one", content: bytes = b"layer") -> Subject:
    """An image of one layer, pushed without an engine."""
    registry = Registry()
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": {"org.opencontainers.image.revision": "c0ffee"}},
        }
    ).encode()
    parts = [
        ("application/vnd.oci.image.config.v1+json", config),
        ("application/vnd.oci.image.layer.v1.tar", content),
    ]
    described = [
        Descriptor(media_type=kind, digest=upload(registry, repository, it), size=len(it)).document
        for kind, it in parts
    ]
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described[0]}
    text = json.dumps(document | {"layers": described[1:]}).encode()
    manifest = Manifest(content=text, media_type=OCI_MANIFEST)
    registry.put(repository, tag, manifest)
    config_digest = str(described[0]["digest"])
    return Subject(name="app:cell", digest=manifest.digest, config_digest=config_digest)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def verdicts(subject: Subject, at: str = "") -> tuple[Verdict, Verdict]:
    """Both gates, passed."""
    scan = Verdict(
        gate=Gate.SCAN,
        config_digest=subject.config_digest,
        basis="sha256:basis",
        status=Status.PASS,
        checks=(Check(name="secrets", status=CheckStatus.PASS, detail=("a line of a log",)),),
        at=at or now(),
    )
    return scan, replace(scan, gate=Gate.VERIFY)


def partial(verdict: Verdict, reason: str) -> Verdict:
    """The same, of which something could not be checked."""
    skipped = Check(name="skipped", status=CheckStatus.SKIPPED, reason=reason)
    checks = (*verdict.checks, skipped)
    return replace(verdict, status=Status.PARTIAL, partial=(reason,), checks=checks)


RECORD = BuildRecord(
    build_id="app:cell",
    key="a" * 64,
    steps=({"kind": "base", "key": "a" * 64, "file x": "d" * 64},),
    base={"rayproject/ray:2.60.0": "sha256:" + "b" * 64},
    created="2026-01-01T00:00:00+00:00",
    revision="c0ffee",
)


@dataclass(frozen=True, kw_only=True)
class Published:
    """An image in a repository, with what is said of it."""

    repository: str
    subject: Subject

    @property
    def ref(self) -> str:
        return f"{self.repository}@{self.subject.digest}"

    def say(
        self,
        judged: Sequence[Verdict] | None = None,
        *,
        signer: Signer | None = None,
        record: BuildRecord = RECORD,
        sbom: bytes | None = SBOM,
    ) -> None:
        found = verdicts(self.subject) if judged is None else judged
        evidence = Evidence(verdicts=found, record=record, sbom=sbom)
        attach_evidence(Registry(), self.repository, self.subject, evidence, signer)


def publish(repository: str, content: bytes = b"layer") -> Published:
    return Published(repository=repository, subject=push_image(repository, content=content))
