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

from factory import trivy
from factory.errors import MachineError
from factory.model import ScanPolicy
from factory.scan import database, fetch
from tests.integration import trivy_database
from tests.integration.registries import open_registry

_LAYER = "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    with open_registry(tmp_path / "registry") as host:
        yield host


def push(host: str, repository: str, folder: Path) -> None:
    """Put the database in a folder into a registry, as its publishers do."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w:gz") as archive:
        for name in ("trivy.db", "metadata.json"):
            archive.add(folder / name, arcname=name)
    blobs = [_push_blob(host, repository, content) for content in (b"{}", layer.getvalue())]
    config, data = blobs
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": {"mediaType": "application/vnd.aquasec.trivy.config.v1+json", **config},
        "layers": [
            {
                "mediaType": _LAYER,
                **data,
                "annotations": {"org.opencontainers.image.title": "db.tar.gz"},
            }
        ],
    }
    done = urllib3.request(
        "PUT",
        f"http://{host}/v2/{repository}/manifests/2",
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
    found = fetch(trivy.locate(), home, mirror)
    assert found == trivy.cached_database(home, 7, found.updated_at)

    policy = ScanPolicy(database_mirror=mirror)
    other = tmp_path / "other"
    assert database.obtain(trivy.locate(), other, policy, lambda _: None) == (found, "")


def test_a_mirror_without_it_is_named_in_the_error(registry: str, tmp_path: Path) -> None:
    mirror = f"{registry}/mirror/nothing"
    with pytest.raises(MachineError) as raised:
        fetch(trivy.locate(), tmp_path / "home", mirror)
    assert raised.value.where == mirror
