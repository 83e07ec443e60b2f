"""One solve a step: what docker is asked, what it may see, and what a failure says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from factory import process
from factory.build import Builder, PackageSources, check_room, write_dockerfile
from factory.context import Contents
from factory.errors import BuildError, MachineError
from factory.model import Built, Read, Step
from tests.unit.plan.projects import chain, plan_of, project_of

STEPS = {
    kind: replace(step, contexts=(), reads=())
    for kind, step in chain(plan_of(project_of())).items()
}
"""Of a project without files."""

DIGEST = "sha256:" + "c" * 64
DOCKER = """#!/bin/sh
printf '%s\\n' "$@" "--" >> "$0.calls"
for argument; do case $argument in
  --metadata-file=*) echo '{metadata}' > "${{argument#*=}}";;
  --output=type=local,dest=*)
    mkdir -p "${{argument##*=}}"
    printf abc123 > "${{argument##*=}}/ray-commit";;
  id=*,src=*)
    cat "${{argument##*=}}" >> "$0.secrets"
    stat -c %a "${{argument##*=}}" >> "$0.modes";;
esac; done
{rest}
"""


class Docker:
    """A stand-in on ``PATH`` that remembers how it was called."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = folder / "bin" / "docker"
        self.path.parent.mkdir()
        monkeypatch.setenv("PATH", f"{self.path.parent}:/usr/bin:/bin")
        self.does("")

    def does(self, rest: str) -> None:
        metadata = {"containerimage.config.digest": DIGEST, "containerimage.digest": DIGEST}
        self.path.write_text(DOCKER.format(metadata=json.dumps(metadata), rest=rest))
        self.path.chmod(0o755)

    def said(self, what: str) -> str:
        path = self.path.with_name(f"docker.{what}")
        return path.read_text() if path.exists() else ""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    return Docker(tmp_path, monkeypatch)


def builder_in(root: Path, sources: PackageSources | None = None) -> Builder:
    return Builder(
        root=root,
        contents=Contents(root),
        work=root / ".factory" / "render",
        sources=sources or PackageSources(),
    )


def build(root: Path, step: Step, sources: PackageSources | None = None) -> Built:
    builder = builder_in(root, sources)
    rootfs = root if step.rootfs else None
    return builder.build(step, rootfs=rootfs, reason="new key", log=lambda _line: None)


def test_a_step_is_built_under_its_own_tag(docker: Docker, tmp_path: Path) -> None:
    built = build(tmp_path, STEPS["app"])
    assert (built.key, built.ref) == (STEPS["app"].key, STEPS["app"].ref)
    assert built.config_digest == DIGEST
    assert built.substituted_base
    calls = docker.said("calls").splitlines()
    assert f"--output=type=image,name={STEPS['app'].ref}" in calls
    assert any(call.endswith(f"={STEPS['app'].key}") for call in calls), "its key is a label"


def test_a_base_is_asked_for_rays_commit_first(docker: Docker, tmp_path: Path) -> None:
    build(tmp_path, STEPS["base"])
    calls = docker.said("calls")
    assert calls.count("--\n") == 2
    assert "--label=io.ray.ray-commit=abc123" in calls.splitlines()


def test_credentials_travel_in_private_files_and_in_no_argument(
    docker: Docker, tmp_path: Path
) -> None:
    sources = PackageSources(
        index="https://user:secret@pypi.example/simple",
        apt=("https://user:secret@mirror/debian", None),
        proxies=(("https_proxy", "http://user:secret@proxy"),),
    )
    build(tmp_path, STEPS["app"], sources)
    assert "secret@" not in docker.said("calls")
    assert docker.said("secrets").count("user:secret") >= 3
    assert set(docker.said("modes").split()) == {"600"}


@pytest.mark.parametrize(
    ("proxy", "text", "recorded"),
    [
        ("http://user:secret@proxy", "RUN true", False),
        ("http://user:secret@proxy", 'RUN ["true"]', True),
        ("http://proxy", "RUN true", True),
    ],
    ids=["a login", "a login for what no shell runs", "no login"],
)
def test_buildkit_is_told_of_a_proxy_by_a_secret_if_there_is_a_login_in_it(
    docker: Docker, tmp_path: Path, proxy: str, text: str, recorded: bool
) -> None:
    step = replace(STEPS["app"], dockerfile=f"FROM scratch\n{text}\n")
    build(tmp_path, step, PackageSources(proxies=(("https_proxy", proxy),)))
    calls = docker.said("calls")
    assert ("--build-arg\nhttps_proxy\n" in calls) == recorded
    assert ("id=proxies," in calls) == (not recorded)
    assert (f"export https_proxy={proxy}" in docker.said("secrets")) == (not recorded)


def test_a_failure_has_the_last_lines_and_the_dockerfile(docker: Docker, tmp_path: Path) -> None:
    docker.does("for n in $(seq 100); do echo line $n; done; echo 'ERROR: no such package'; exit 1")
    with pytest.raises(BuildError, match=f"step {STEPS['app'].label} failed") as raised:
        build(tmp_path, STEPS["app"])
    assert raised.value.detail[-1] == "ERROR: no such package"
    assert len(raised.value.detail) < 100
    assert (tmp_path / raised.value.where).read_text() == STEPS["app"].dockerfile


def failing(docker: Docker, root: Path, *said: str) -> list[str]:
    """The lines that a build's error shows, of what BuildKit said."""
    docker.does("\n".join([f"echo '{line}'" for line in said] + ["exit 1"]))
    with pytest.raises(BuildError) as raised:
        build(root, STEPS["app"])
    return list(raised.value.detail)


def test_a_failing_programs_words_are_shown_without_the_dockerfile(
    docker: Docker, tmp_path: Path
) -> None:
    end = (
        'ERROR: failed to solve: process "/bin/sh -c x" did not complete successfully: exit code: 1'
    )
    lines = ["#5 noise", "------", " > [2/3] RUN x:", "0.1 why", "------", "Dockerfile:3", end]
    assert failing(docker, tmp_path, *lines) == ["0.1 why"]


def test_all_that_a_failing_program_said_is_shown_where_buildkit_repeats_its_end(
    docker: Docker, tmp_path: Path
) -> None:
    why = ["0.1   x No solution found:", *(f"0.1   because {number}" for number in range(14))]
    lines = [
        *("#4 0.1 another step", *(f"#5 {line}" for line in why)),
        '#5 ERROR: process "/bin/sh -c x" did not complete successfully: exit code: 1',
        *("------", " > [2/3] RUN x:", ": because 4", *why[-9:], "------", "Dockerfile:3"),
        'ERROR: failed to solve: process "x" did not complete successfully: exit code: 1',
    ]
    assert failing(docker, tmp_path, *lines) == why


def test_a_failure_without_a_program_is_told_by_its_last_line(
    docker: Docker, tmp_path: Path
) -> None:
    lines = ["#5 noise", "------", " > [2/3] ADD x:", "------", "ERROR: failed to solve: no x"]
    assert failing(docker, tmp_path, *lines) == ["ERROR: failed to solve: no x"]


def test_what_a_build_says_holds_no_secret(
    docker: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LICENCE", "own-secret")
    step = replace(STEPS["app"], secrets=(("LICENCE", "LICENCE"),))
    docker.does("echo E: http://me:mirrors@host/debian failed; echo own-secret >&2; exit 1")
    sources = PackageSources(apt=("http://me:mirrors@host/debian", None))
    builder = builder_in(tmp_path, sources)
    said: list[str] = []
    with pytest.raises(BuildError) as raised:
        builder.build(step, rootfs=None, reason="new key", log=said.append)
    assert (
        sorted(said) == sorted(raised.value.detail) == ["***", "E: http://***@host/debian failed"]
    )


def test_an_image_that_reads_nothing_of_the_project_is_built(
    docker: Docker, tmp_path: Path
) -> None:
    docker.does('for a; do case $a in */context*) test -d "$a" || exit 1;; esac; done')
    build(tmp_path, STEPS["app"])


def test_folders_with_wheels_become_one(docker: Docker, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.whl").touch()
    docker.does('for a; do case $a in packages=*) ls "${a#*=}" >> "$0.wheels";; esac; done')
    sources = PackageSources(find_links=(tmp_path / "one", tmp_path / "two"))
    build(tmp_path, STEPS["app"], sources)
    assert docker.said("wheels").split() == ["one.whl", "two.whl"]


def test_the_engine_sees_only_what_the_step_reads(docker: Docker, tmp_path: Path) -> None:
    image, wheels = tmp_path / "images" / "demo", tmp_path / "wheels"
    for file in (image / "app" / "main.py", image / "notes.md", wheels / "one.whl"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    (image / "app" / "__pycache__").mkdir()
    step = replace(
        STEPS["app"],
        contexts=(("", "images/demo"), ("torch", "wheels")),
        reads=(Read(context="", path="app"), Read(context="torch", path=".")),
    )
    docker.does(
        'for a; do case $a in torch=*) (cd "${a#*=}" && find . -type f) >> "$0.torch";;'
        ' */context) (cd "$a" && find . -mindepth 1 | sort) >> "$0.context";; esac; done'
    )
    build(tmp_path, step)
    assert docker.said("context").split() == ["./app", "./app/main.py"]
    assert docker.said("torch").split() == ["./one.whl"]


def test_a_dockerignore_in_the_context_is_not_applied_twice(tmp_path: Path) -> None:
    own = Path(f"{write_dockerfile(STEPS['app'], tmp_path)}.dockerignore")
    assert own.read_text() == "", "it goes before the one in the context"


def test_a_full_disk_is_told_before_anything_is_begun(tmp_path: Path) -> None:
    check_room([tmp_path, tmp_path / "not" / "there" / "yet"], needed_gib=0.0)
    with pytest.raises(MachineError, match="is nearly full"):
        check_room([tmp_path / "not" / "there" / "yet"], needed_gib=1e9)


def test_an_interrupt_ends_a_build(docker: Docker, tmp_path: Path, cancellable: None) -> None:
    import threading

    from factory.errors import Interrupted

    docker.does("sleep 60")
    threading.Timer(0.5, process.cancel_all).start()
    with pytest.raises(Interrupted):
        build(tmp_path, STEPS["app"])
