"""What was found in an image is kept, whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from factory.errors import ScanError
from factory.scan import inventory
from factory.scan.inventory import REPORT, SBOM, Inventory
from factory.scan.origin import Origin
from factory.scan.report import Known, Misconfiguration, Report, Secret, Vulnerability
from factory.trivy import Trivy

TOOL = Trivy(path="trivy", version="0.76.0")
DIGEST = "sha256:" + "a" * 64
FOUND = Report(
    secrets=(Secret(rule="private-key", severity="HIGH", place="/key", layer="sha256:1"),),
    misconfigurations=(Misconfiguration(rule="DS-0002", severity="HIGH", title="root"),),
    system="debian 12",
    size=3,
    origins={"sha256:1": Origin(step="base", inherited=True)},
    java_skipped=True,
)
FLAW = Vulnerability(
    id="CVE-1", severity="LOW", package="p", installed="1", fixed="", place="debian 12"
)


def made(folder: Path, report: Report = FOUND) -> Inventory:
    file = folder / "made.json"
    file.write_text("{}")
    return Inventory(report=report, sbom=file)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return inventory.folder_of(tmp_path / "trivy", DIGEST, TOOL)


def test_what_is_kept_is_found_again(folder: Path, tmp_path: Path) -> None:
    assert inventory.kept(folder) is None
    kept = inventory.keep(folder, made(tmp_path))
    assert inventory.kept(folder) == kept == Inventory(report=FOUND, sbom=folder / SBOM)


def test_another_trivy_finds_it_anew(folder: Path, tmp_path: Path) -> None:
    newer = Trivy(path="trivy", version="0.77.0")
    assert inventory.folder_of(tmp_path / "trivy", DIGEST, newer) != folder


@pytest.mark.parametrize("damage", ["", "{}x", '{"secrets": 1}'])
def test_what_is_damaged_is_made_anew(folder: Path, tmp_path: Path, damage: str) -> None:
    inventory.keep(folder, made(tmp_path))
    (folder / REPORT).write_text(damage)
    assert inventory.kept(folder) is None
    inventory.keep(folder, made(tmp_path))
    assert inventory.kept(folder)


def test_labels_are_not_kept_since_a_secret_may_be_one(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "made.json"
    properties = [
        {"name": "aquasecurity:trivy:Labels:note", "value": "hunter2"},
        {"name": "aquasecurity:trivy:ImageID", "value": DIGEST},
    ]
    file.write_text(json.dumps({"metadata": {"component": {"properties": properties}}}))
    kept = inventory.keep(folder, Inventory(report=FOUND, sbom=file))
    assert "hunter2" not in kept.sbom.read_text()
    assert DIGEST in kept.sbom.read_text()


def test_what_is_no_bill_of_materials_is_refused(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "made.json"
    file.write_text("[]x")
    with pytest.raises(ScanError, match="bill of materials"):
        inventory.keep(folder, Inventory(report=FOUND, sbom=file))


def test_a_bill_that_was_cut_short_is_made_anew(folder: Path, tmp_path: Path) -> None:
    kept = inventory.keep(folder, made(tmp_path))
    kept.sbom.write_text("")
    assert inventory.kept(folder) is None


def test_a_database_for_java_makes_it_anew(tmp_path: Path) -> None:
    before = inventory.folder_of(tmp_path / "trivy", DIGEST, TOOL)
    java = tmp_path / "trivy" / "java-db"
    java.mkdir(parents=True)
    (java / "trivy-java.db").touch()
    assert inventory.folder_of(tmp_path / "trivy", DIGEST, TOOL) != before


def test_half_of_it_is_none(folder: Path, tmp_path: Path) -> None:
    inventory.keep(folder, made(tmp_path))
    (folder / SBOM).unlink()
    assert inventory.kept(folder) is None


def test_what_a_database_knew_is_kept_until_there_is_another(folder: Path, tmp_path: Path) -> None:
    inventory.keep(folder, made(tmp_path))
    first, second = "2@2026-05-08T12:00:00+00:00", "2@2026-05-09T12:00:00+00:00"
    assert inventory.known(folder, first) is None
    inventory.keep_known(folder, first, Known(vulnerabilities=(FLAW,), end_of_life=True))
    assert inventory.known(folder, first) == Known(vulnerabilities=(FLAW,), end_of_life=True)
    inventory.keep_known(folder, second, Known())
    assert inventory.known(folder, second) == Known()
    assert inventory.known(folder, first) is None


def test_those_not_used_for_longest_go_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory, "_KEPT", 2)
    folders = [inventory.folder_of(tmp_path / "trivy", f"sha256:{n:064}", TOOL) for n in range(3)]
    for at, folder in enumerate(folders[:2]):
        inventory.keep(folder, made(tmp_path))
        os.utime(folder, (at, at))
    inventory.kept(folders[0])  # used, and so no longer the oldest
    inventory.keep(folders[2], made(tmp_path))
    assert [bool(inventory.kept(folder)) for folder in folders] == [True, False, True]
