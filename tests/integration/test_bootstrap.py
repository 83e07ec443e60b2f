"""The bootstrap script where all is ready, and where it can only tell what to do.

It runs from a project folder of its own, on a PATH of its own: nothing is installed anywhere.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
BASE_PROGRAMS = (
    *("bash", "env", "dirname", "mkdir", "cat", "sed", "head", "tail", "rm", "flock"),
    "sha256sum",
)
DOCKER = """
case "$1 $2" in
    "version "*) echo "$ENGINE"; test -n "$ENGINE" ;;
    "buildx "*) echo "github.com/docker/buildx $BUILDX" ;;
    "compose "*) echo "$COMPOSE" ;;
esac
"""
READY_SAID = "bootstrap: ready; for a shell: source .venv/bin/activate"
READY = {"ENGINE": "26.1.5", "BUILDX": "v0.13.1", "COMPOSE": "2.26.1"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with an environment that is ready."""
    folder = tmp_path / "a project"
    folder.mkdir()
    for name in ("bootstrap.sh", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    stamp(folder)
    return folder


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A PATH on which this is no root's machine, and an engine is ready."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in BASE_PROGRAMS:
        (folder / name).symlink_to(str(shutil.which(name)))
    write(folder, "docker", DOCKER)
    write(folder, "id", "echo 1000")
    return folder


def stamp(project: Path) -> None:
    inputs = [project / "requirements.lock", project / "pyproject.toml"]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()
    (project / ".venv" / ".ready").write_text(f"{project}\n{digest}  -\n")


def write(folder: Path, name: str, body: str) -> None:
    (folder / name).write_text(f"#!/bin/bash\n{body}\n")
    (folder / name).chmod(0o755)


def bootstrap(
    project: Path, programs: Path, *command: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(project / "bootstrap.sh"), *command],
        env={"PATH": str(programs)} | READY | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_command_runs_in_the_environment_and_alone_on_standard_output(
    project: Path, programs: Path
) -> None:
    done = bootstrap(project, programs, "bash", "-c", 'echo "$1"; echo "${PATH%%:*}"', "-", "a  b")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["a  b", str(project / ".venv" / "bin")]


def test_the_commands_exit_code_is_passed_on(project: Path, programs: Path) -> None:
    assert bootstrap(project, programs, "bash", "-c", "exit 42").returncode == 42


def test_without_a_command_it_only_makes_ready(project: Path, programs: Path) -> None:
    done = bootstrap(project, programs)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_browser_is_wanted_only_where_it_is_asked_for(project: Path, programs: Path) -> None:
    lacking = bootstrap(project, programs, "--browser", "bash", "-c", "echo ran")
    assert (lacking.returncode, lacking.stdout) == (7, "")
    assert "install chromium and chromedriver" in lacking.stderr
    for name in ("chromium", "chromedriver"):
        write(programs, name, "true")
    done = bootstrap(project, programs, "--browser", "bash", "-c", "echo ran")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")


def test_what_is_ready_costs_less_than_half_a_second(project: Path, programs: Path) -> None:
    taken = []
    for _ in range(5):
        started = time.monotonic()
        assert bootstrap(project, programs, "bash", "-c", "true").returncode == 0
        taken.append(time.monotonic() - started)
    assert statistics.median(taken) < 0.5


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"ENGINE": ""}, "start the Docker engine"),
        ({"ENGINE": "20.10.24"}, "20.10.24 is older than"),
        ({"BUILDX": "v0.12.0"}, "buildx 0.13"),
        ({"BUILDX": ""}, "buildx 0.13"),
        ({"COMPOSE": "1.29.2"}, "Compose v2"),
    ],
)
def test_an_engine_that_is_not_ready_is_told_with_what_to_do(
    project: Path, programs: Path, variables: dict[str, str], told: str
) -> None:
    done = bootstrap(project, programs, "bash", "-c", "echo ran", **variables)
    assert (done.returncode, done.stdout) == (7, "")
    assert told in done.stderr


def test_without_docker_it_says_where_to_get_it(project: Path, programs: Path) -> None:
    (programs / "docker").unlink()
    done = bootstrap(project, programs, "bash", "-c", "echo ran")
    assert (done.returncode, done.stdout) == (7, "")
    assert "install Docker Engine" in done.stderr


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_an_environment_of_other_requirements_is_not_ready(
    project: Path, programs: Path, changed: str
) -> None:
    with (project / changed).open("a") as file:
        file.write("\n# changed\n")
    done = bootstrap(project, programs, "bash", "-c", "echo ran")
    assert (done.returncode, done.stdout) == (7, "")
    assert "there is no Python" in done.stderr


def test_an_environment_copied_from_elsewhere_is_not_ready(project: Path, programs: Path) -> None:
    moved = project.rename(project.parent / "moved")
    done = bootstrap(moved, programs, "bash", "-c", "echo ran")
    assert (done.returncode, done.stdout) == (7, "")


def test_a_half_made_environment_is_made_anew(project: Path, programs: Path) -> None:
    """With a Python that makes environments whose pip records what it is asked."""
    (project / ".venv" / ".ready").unlink()
    leftover = project / ".venv" / "leftover"
    leftover.write_text("half")
    log = project / "asked"
    write(
        programs,
        "python3",
        f"""
        [[ $1 == -c ]] && exit 0
        [[ $2 == venv ]] || {{ echo "$PIP_USER$PYTHONPATH$PYTHONHOME $*" >>'{log}'; exit 0; }}
        mkdir -p "$3/bin"
        cat "$0" >"$3/bin/python"
        "{shutil.which("chmod")}" +x "$3/bin/python"
        """,
    )
    foreign = {"PIP_USER": "1", "PYTHONPATH": "/elsewhere", "PYTHONHOME": "/nowhere"}
    done = bootstrap(project, programs, "bash", "-c", "echo ran $PYTHONPATH", **foreign)
    assert (done.returncode, done.stdout) == (0, "ran /elsewhere\n"), done.stderr
    assert done.stderr.splitlines().count(READY_SAID) == 1
    assert not leftover.exists()
    requirements, itself = log.read_text().splitlines()
    assert "--require-hashes" in requirements
    assert "--no-deps" in itself
    assert "--editable" in itself
    assert requirements.startswith(" "), "pip was told of the user's own places"
    assert bootstrap(project, programs, "bash", "-c", "true").stderr == ""


def test_a_python_that_the_users_variables_would_break_is_found(
    project: Path, programs: Path
) -> None:
    (project / ".venv" / ".ready").unlink()
    write(programs, "python3", "[[ -z $PYTHONPATH$PYTHONHOME ]] || exit 1; [[ $1 == -c ]]")
    done = bootstrap(project, programs, PYTHONPATH="/elsewhere", PYTHONHOME="/nowhere")
    assert "there is no Python" not in done.stderr
    assert "could not be made" in done.stderr


def test_a_lock_file_loses_nothing_and_is_in_no_folder_that_anybody_may_write_to(
    project: Path, programs: Path
) -> None:
    (project / ".venv" / ".ready").unlink()
    lock = project / ".factory" / "bootstrap.lock"
    lock.parent.mkdir()
    lock.write_text("kept")
    assert bootstrap(project, programs).returncode == 7
    assert lock.read_text() == "kept"
    assert "machine_lock=/run/$name.lock" in (project / "bootstrap.sh").read_text()


on_debian_as_root = pytest.mark.skipif(
    os.geteuid() != 0 or "ID=debian\n" not in Path("/etc/os-release").read_text(),
    reason="it installs on Debian as root only",
)


@on_debian_as_root
@pytest.mark.parametrize(
    "there", [(), ("git",), ("mmdebstrap",)], ids=["none", "git", "mmdebstrap"]
)
def test_of_the_small_tools_only_those_that_are_missing_are_installed(
    project: Path, programs: Path, there: tuple[str, ...]
) -> None:
    write(programs, "id", "echo 0")
    for name in ("docker-registry", "cosign", *there):
        write(programs, name, "")
    asked = project / "asked"
    write(
        programs,
        "apt-get",
        f'[[ " $* " != *" install "* ]] || {{ echo "$*" >>"{asked}"; exit 1; }}',
    )
    assert bootstrap(project, programs).returncode == 7
    words = set(asked.read_text().split())
    wanted = (
        {"git", "mmdebstrap", "uidmap"}
        - set(there)
        - ({"uidmap"} if "mmdebstrap" in there else set())
    )
    assert words & {"git", "mmdebstrap", "uidmap"} == wanted


@on_debian_as_root
@pytest.mark.parametrize("failing", ["update", "install"])
def test_packages_that_cannot_be_installed_are_told_with_what_to_do(
    project: Path, programs: Path, failing: str
) -> None:
    write(programs, "id", "echo 0")
    write(programs, "docker-registry", "")
    write(programs, "cosign", "")
    write(programs, "apt-get", f'[[ " $* " != *" {failing} "* ]] || {{ echo no route; exit 100; }}')
    done = bootstrap(project, programs, "bash", "-c", "echo ran")
    assert (done.returncode, done.stdout) == (7, "")
    assert f"apt-get {failing} failed" in done.stderr
    assert "no route" in done.stderr
    assert "then run this again" in done.stderr
    assert READY_SAID not in done.stderr


def test_the_lock_holds_hashes_and_no_addresses() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    said = [line for line in lines if not line.startswith("#")]
    pinned = [line for line in said if not line.startswith("    --hash=sha256:")]
    assert all("==" in line and line.endswith("\\") for line in pinned)
    assert not [line for line in lines if "://" in line or line.startswith("-")]
    assert not [line for line in said if os.sep in line]


def test_the_lock_covers_all_that_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    lock = (ROOT / "requirements.lock").read_text()
    locked = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    assert {re.split(r"[^A-Za-z0-9-]", one)[0].lower() for one in asked} <= locked
