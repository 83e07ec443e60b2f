"""The vulnerability database from a mirror, with the real Trivy and a real registry."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from benchmarks import trivy_database
from factory import trivy
from factory.errors import MachineError
from factory.model import ScanPolicy
from factory.scan import database, fetch
from factory.trivy import JAVA, VULNERABILITIES, Kind
from tests.integration.registries import open_registry

_LAYER = "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"
_JAVA_LAYER = "application/vnd.aquasec.trivy.javadb.layer.v1.tar+gzip"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    with open_registry(tmp_path / "registry") as host:
        yield host


def push(host: str, repository: str, folder: Path, kind: Kind = VULNERABILITIES) -> None:
    """Put the database in a folder into a registry, as its publishers do."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w:gz") as archive:
        for name in (kind.file, "metadata.json"):
            archive.add(folder / name, arcname=name)
    blobs = [_push_blob(host, repository, content) for content in (b"{}", layer.getvalue())]
    config, data = blobs
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": {"mediaType": "application/vnd.aquasec.trivy.config.v1+json", **config},
        "layers": [
            {
                "mediaType": _LAYER if kind is VULNERABILITIES else _JAVA_LAYER,
                **data,
                "annotations": {"org.opencontainers.image.title": "db.tar.gz"},
            }
        ],
    }
    done = urllib3.request(
        "PUT",
        f"http://{host}/v2/{repository}/manifests/{kind.schema}",
        body=json.dumps(manifest),
        headers={"Content-Type": _MANIFEST},
    )
    assert done.status == 201, done.data


def _push_blob(host: str, repository: str, content: bytes) -> dict[str, object]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    begun = urllib3.request("POST", f"http://{host}/v2/{repository}/blobs/uploads/")
    place = begun.headers["Location"]
    done = urllib3.request(
        "PUT",
        f"{place}{'&' if '?' in place else '?'}digest={digest}",
        body=content,
        headers={"Content-Type": "application/octet-stream"},
    )
    assert done.status == 201, done.data
    return {"digest": digest, "size": len(content)}


def test_it_comes_from_the_mirror_that_the_matrix_names(registry: str, tmp_path: Path) -> None:
    trivy_database.write(tmp_path / "made", {"vulnerability": {"CVE-1": {"": {}}}})
    push(registry, "mirror/trivy-db", tmp_path / "made" / "db")
    home, mirror = tmp_path / "home", f"{registry}/mirror/trivy-db"
    found = fetch(trivy.locate(), home, VULNERABILITIES, mirror)
    assert found == trivy.cached_database(home, 7, found.updated_at)

    policy = ScanPolicy(database_mirror=mirror)
    other = tmp_path / "other"
    assert database.obtain(trivy.locate(), other, policy, lambda _: None) == (found, "")


def test_the_one_for_java_comes_from_a_mirror_of_its_own(registry: str, tmp_path: Path) -> None:
    trivy_database.write_java(tmp_path / "made")
    push(registry, "mirror/trivy-java-db", tmp_path / "made" / "java-db", JAVA)
    home = tmp_path / "home"
    fetch(trivy.locate(), home, JAVA, f"{registry}/mirror/trivy-java-db")
    assert trivy.knows_java(home)
    assert trivy.cached_database(home) is None


def test_a_mirror_without_it_is_named_in_the_error(registry: str, tmp_path: Path) -> None:
    mirror = f"{registry}/mirror/nothing"
    with pytest.raises(MachineError) as raised:
        fetch(trivy.locate(), tmp_path / "home", VULNERABILITIES, mirror)
    assert raised.value.where == mirror
