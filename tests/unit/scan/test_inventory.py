"""What was found in an image is kept, whole or not at all."""

from __future__ import annotations

import json
import os
from dataclasses import replace
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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return inventory.folder_of(tmp_path / "trivy", DIGEST, TOOL, java=False)


def test_what_is_kept_is_found_again(folder: Path, tmp_path: Path) -> None:
    assert inventory.kept(folder) is None
    kept = inventory.keep(folder, FOUND, b"{}")
    assert inventory.kept(folder) == kept == Inventory(report=FOUND, sbom=folder / SBOM)


def test_another_trivy_finds_it_anew(folder: Path, tmp_path: Path) -> None:
    newer = Trivy(path="trivy", version="0.77.0")
    assert inventory.folder_of(tmp_path / "trivy", DIGEST, newer, java=False) != folder


@pytest.mark.parametrize("damage", ["", "{}x", '{"secrets": 1}'])
def test_what_is_damaged_is_made_anew(folder: Path, tmp_path: Path, damage: str) -> None:
    inventory.keep(folder, FOUND, b"{}")
    (folder / REPORT).write_text(damage)
    assert inventory.kept(folder) is None
    inventory.keep(folder, FOUND, b"{}")
    assert inventory.kept(folder)


def test_labels_are_not_kept_since_a_secret_may_be_one(folder: Path) -> None:
    properties = [
        {"name": "aquasecurity:trivy:Labels:note", "value": "hunter2"},
        {"name": "aquasecurity:trivy:ImageID", "value": DIGEST},
    ]
    bill = json.dumps({"metadata": {"component": {"properties": properties}}}).encode()
    kept = inventory.keep(folder, FOUND, bill)
    assert "hunter2" not in kept.sbom.read_text()
    assert DIGEST in kept.sbom.read_text()


def test_what_is_no_bill_of_materials_is_refused(folder: Path) -> None:
    with pytest.raises(ScanError, match="bill of materials"):
        inventory.keep(folder, FOUND, b"[]x")


def test_a_bill_that_was_cut_short_is_made_anew(folder: Path, tmp_path: Path) -> None:
    kept = inventory.keep(folder, FOUND, b"{}")
    kept.sbom.write_text("")
    assert inventory.kept(folder) is None


def test_with_a_database_for_java_it_is_made_anew_and_the_old_one_still_known(
    folder: Path, tmp_path: Path
) -> None:
    home = tmp_path / "trivy"
    assert inventory.latest(home, DIGEST, TOOL, java=True) is None
    old = inventory.keep(folder, FOUND, b"{}")
    whole = inventory.folder_of(home, DIGEST, TOOL, java=True)
    assert whole != folder
    assert inventory.latest(home, DIGEST, TOOL, java=True) == old
    new = inventory.keep(whole, replace(FOUND, java_skipped=False), b"{}")
    assert inventory.latest(home, DIGEST, TOOL, java=True) == new
    assert inventory.latest(home, DIGEST, TOOL, java=False) == old


def test_half_of_it_is_none(folder: Path, tmp_path: Path) -> None:
    inventory.keep(folder, FOUND, b"{}")
    (folder / SBOM).unlink()
    assert inventory.kept(folder) is None


def test_what_a_database_knew_is_kept_until_there_is_another(folder: Path, tmp_path: Path) -> None:
    inventory.keep(folder, FOUND, b"{}")
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
    digests = [f"sha256:{n:064}" for n in range(3)]
    folders = [inventory.folder_of(tmp_path / "trivy", one, TOOL, java=False) for one in digests]
    for at, folder in enumerate(folders[:2]):
        inventory.keep(folder, FOUND, b"{}")
        os.utime(folder, (at, at))
    inventory.kept(folders[0])  # used, and so no longer the oldest
    inventory.keep(folders[2], FOUND, b"{}")
    assert [bool(inventory.kept(folder)) for folder in folders] == [True, False, True]
