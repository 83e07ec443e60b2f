"""The whole examination, on a machine made of stand-in programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from factory.doctor import examine
from factory.model import Finding, Health
from factory.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        root=tmp_path,
        cache=tmp_path / "cache",
        data=tmp_path / "data",
        jobs=1,
        registry="127.0.0.1:9",
    )


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    return folder


def write(folder: Path, name: str, body: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def look(settings: Settings) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(settings)}


def test_a_bare_machine_gets_a_remedy_for_all_it_lacks(settings: Settings, programs: Path) -> None:
    found = look(settings)
    missing = {name for name, finding in found.items() if finding.state is Health.MISSING}
    assert missing >= {"Docker engine", "Trivy", "mmdebstrap"}
    assert all(finding.remedy for finding in found.values() if finding.state is not Health.OK)


def test_cosign_is_needed_by_those_who_sign_only(settings: Settings, programs: Path) -> None:
    finding = look(settings)["cosign"]
    assert finding.state is Health.WARN
    assert "apt-get install cosign" in finding.remedy
    write(programs, "cosign", "")
    assert look(settings)["cosign"].state is Health.OK


def test_git_is_needed_by_some_images_only(settings: Settings, programs: Path) -> None:
    finding = look(settings)["git"]
    assert finding.state is Health.WARN
    assert "apt-get install git" in finding.remedy
    write(programs, "git", "")
    assert look(settings)["git"].state is Health.OK


def test_an_engine_that_is_down_is_quoted(settings: Settings, programs: Path) -> None:
    down = json.dumps({"ServerVersion": "", "ServerErrors": ["Cannot connect"]})
    write(programs, "docker", f"echo '{down}'; exit 1")
    assert look(settings)["Docker engine"].what == "Cannot connect"


def test_a_trojaned_trivy_is_named(settings: Settings, programs: Path) -> None:
    write(programs, "trivy", "# pkg/version/app.ver=0.69.4")
    finding = look(settings)["Trivy"]
    assert finding.state is Health.MISSING
    assert "0.69.4" in finding.what
    assert "trojaned" in finding.what


def test_a_young_database_is_well(settings: Settings, programs: Path) -> None:
    folder = settings.cache / "trivy" / "db"
    folder.mkdir(parents=True)
    (folder / "trivy.db").write_bytes(b"data")
    metadata = {"Version": 2, "UpdatedAt": datetime.now(UTC).isoformat()}
    (folder / "metadata.json").write_text(json.dumps(metadata))
    assert look(settings)["vulnerability database"].state is Health.OK
