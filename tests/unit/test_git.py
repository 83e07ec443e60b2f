"""What a ref stands for, by what git says of a repository."""

from __future__ import annotations

import base64
import http.server
import os
import stat
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from factory import git, process
from factory.errors import ConfigError, MachineError
from factory.model import GitSource
from factory.process import Completed, ProcessFailed

TOKEN = "hush-token"
SOURCE = GitSource(url="https://code.example/app.git", ref="main")
GUARDED = replace(SOURCE, token="CODE_TOKEN")
LISTED = {
    "HEAD": "a" * 40,
    "refs/heads/main": "a" * 40,
    "refs/heads/feature/fast": "b" * 40,
    "refs/heads/v2": "c" * 40,
    "refs/tags/v1": "d" * 40,
    "refs/tags/v1^{}": "e" * 40,
    "refs/tags/v2": "f" * 40,
}


@dataclass
class Git:
    """Stands in for git; remembers how it was called."""

    refs: Mapping[str, str] = field(default_factory=lambda: LISTED)
    fails: str = ""
    argv: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)

    def run(self, argv: Sequence[str], *, env: Mapping[str, str], timeout: float) -> Completed:
        self.argv, self.env = argv, env
        listed = "".join(f"{commit}\t{name}\n" for name, commit in self.refs.items())
        done = Completed(
            argv=tuple(argv), code=128 if self.fails else 0, stdout=listed, stderr="", seconds=0
        )
        if self.fails:
            raise ProcessFailed(replace(done, stdout="", stderr=self.fails))
        return done


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Git:
    found = Git()
    monkeypatch.setattr(process, "run", found.run)
    return found


@pytest.mark.parametrize(
    ("ref", "commit"),
    [
        ("HEAD", "a"),
        ("main", "a"),
        ("feature/fast", "b"),
        ("v1", "e"),  # what an annotated tag is of, not the tag
        ("v2", "f"),  # a tag goes before a branch
        ("refs/heads/v2", "c"),
    ],
)
def test_a_ref_is_found_as_git_finds_it(server: Git, ref: str, commit: str) -> None:
    assert git.commit_of(replace(SOURCE, ref=ref), {}) == commit * 40


@pytest.mark.parametrize("ref", ["fast", "refs/tags", "Main", "v1^{}x", "a" * 7])
def test_nothing_is_guessed(server: Git, ref: str) -> None:
    with pytest.raises(ConfigError, match="has no branch and no tag") as caught:
        git.commit_of(replace(SOURCE, ref=ref), {})
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("ref", "refs", "told"),
    [
        ("mian", LISTED, "did you mean main?"),
        ("v3", LISTED, "did you mean v2 or v1?"),
        ("nothing-like-it", LISTED, "known: HEAD, feature/fast, main, v1, v2 (a commit"),
        ("main", {}, "it is empty"),
    ],
)
def test_a_ref_that_is_not_there_is_told_with_what_is(
    server: Git, ref: str, refs: Mapping[str, str], told: str
) -> None:
    server.refs = refs
    with pytest.raises(ConfigError) as caught:
        git.commit_of(replace(SOURCE, ref=ref), {})
    assert told in caught.value.todo


def test_a_token_goes_to_its_repository_alone_and_is_in_no_argument(server: Git) -> None:
    git.commit_of(GUARDED, {"CODE_TOKEN": TOKEN})
    pair = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    assert server.env["GIT_CONFIG_KEY_0"] == f"http.{SOURCE.url}.extraHeader"
    assert server.env["GIT_CONFIG_VALUE_0"] == f"Authorization: Basic {pair}"
    assert not [word for word in server.argv if TOKEN in word or pair in word]


@pytest.mark.parametrize(("count", "at"), [("2", 2), ("0", 0), ("", 0), ("many", 0)])
def test_settings_that_the_user_gives_git_in_the_same_way_hold(
    server: Git, count: str, at: int
) -> None:
    git.commit_of(GUARDED, {"CODE_TOKEN": TOKEN, "GIT_CONFIG_COUNT": count})
    assert server.env["GIT_CONFIG_COUNT"] == str(at + 2)
    assert {f"GIT_CONFIG_VALUE_{at}", f"GIT_CONFIG_VALUE_{at + 1}"} <= server.env.keys()


def test_git_asks_nobody(server: Git) -> None:
    git.commit_of(SOURCE, {})
    assert (server.env["GIT_TERMINAL_PROMPT"], server.env["GIT_ASKPASS"]) == ("0", "")
    assert "GIT_CONFIG_COUNT" not in server.env


@pytest.mark.parametrize("env", [{}, {"CODE_TOKEN": ""}])
def test_a_variable_that_is_not_set_is_told_before_git_is_asked(
    server: Git, env: Mapping[str, str]
) -> None:
    with pytest.raises(MachineError, match="CODE_TOKEN is not set") as caught:
        git.commit_of(GUARDED, env)
    assert not server.argv
    assert caught.value.exit_code == 7
    assert "export CODE_TOKEN=" in caught.value.todo


@pytest.mark.parametrize(
    ("source", "said", "told"),
    [
        (GUARDED, "fatal: Authentication failed for 'x'", "refuses the token in CODE_TOKEN"),
        (GUARDED, "The requested URL returned error: 403", "refuses the token in CODE_TOKEN"),
        (SOURCE, "fatal: could not read Username for 'x'", "refuses access without a token"),
        (SOURCE, "fatal: unable to access 'x': Could not resolve host", "cannot be reached"),
        (GUARDED, "fatal: repository 'x' not found", "cannot be reached"),
    ],
)
def test_a_refusal_is_told_apart_from_a_server_that_is_not_there(
    server: Git, source: GitSource, said: str, told: str
) -> None:
    server.fails = f"noise\n{said}\n"
    with pytest.raises(MachineError, match=told) as caught:
        git.commit_of(source, {"CODE_TOKEN": TOKEN})
    assert caught.value.detail[-1] == said
    assert caught.value.todo
    assert TOKEN not in str(caught.value)


def test_without_git_the_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(MachineError, match="`git` cannot be started"):
        git.commit_of(SOURCE, {})


@pytest.fixture
def redirecting() -> Iterator[tuple[str, list[str | None]]]:
    """The address of a server that redirects elsewhere, and what was shown there as a login."""
    shown: list[str | None] = []

    class There(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown.append(self.headers.get("Authorization"))
            self.send_error(404)

        do_POST = do_GET  # noqa: N815  # the standard library's name

        def log_message(self, *_: object) -> None:
            pass

    there = http.server.ThreadingHTTPServer(("127.0.0.1", 0), There)

    class Here(There):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{there.server_port}{self.path}")
            self.end_headers()

    here = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Here)
    for server in (here, there):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{here.server_port}/app.git", shown
    for server in (here, there):
        server.shutdown()
        server.server_close()


def test_a_token_is_not_taken_along_to_where_a_repository_redirects(
    redirecting: tuple[str, list[str | None]],
) -> None:
    url, shown = redirecting
    source = GitSource(url=url, ref="a" * 40, token="CODE_TOKEN")
    with pytest.raises(MachineError, match="redirects to elsewhere"):
        git.commit_of(source, {"CODE_TOKEN": TOKEN})
    assert shown == []


def test_without_a_token_a_redirect_is_followed(
    redirecting: tuple[str, list[str | None]],
) -> None:
    url, shown = redirecting
    with pytest.raises(MachineError):
        git.commit_of(GitSource(url=url, ref="main"), {})
    assert shown
    assert set(shown) == {None}


def test_a_commit_is_itself_once_the_repository_has_let_us_in(server: Git) -> None:
    assert git.commit_of(replace(GUARDED, ref="9" * 40), {"CODE_TOKEN": TOKEN}) == "9" * 40
    assert server.argv[:2] == ["git", "ls-remote"]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One in a folder, with a commit, a submodule, and a later commit."""
    allowed = {"GIT_CONFIG_KEY_0": "protocol.file.allow", "GIT_CONFIG_VALUE_0": "always"}
    for name, value in {**allowed, "GIT_CONFIG_COUNT": "1"}.items():
        monkeypatch.setenv(name, value)
    for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{name}_NAME", "Test")
        monkeypatch.setenv(f"{name}_EMAIL", "test@example.org")
    library, app = tmp_path / "library", tmp_path / "app"
    for folder in (library, app):
        folder.mkdir()
        in_git(folder, "init", "--quiet")
        (folder / "run.sh").write_text("true\n")
        (folder / "run.sh").chmod(0o755)
        (folder / "link").symlink_to("run.sh")
        (folder / "lines.txt").write_bytes(b"one\ntwo\n")
        if folder is app:
            in_git(folder, "submodule", "--quiet", "add", str(library), "lib")
        in_git(folder, "add", "--all")
        in_git(folder, "commit", "--quiet", "--message", "first")
    in_git(app, "rm", "--quiet", "lines.txt")
    in_git(app, "commit", "--quiet", "--message", "second")
    return app


def in_git(folder: Path, *arguments: str) -> str:
    return process.run(["git", "-C", str(folder), *arguments]).stdout.strip()


def test_what_is_fetched_is_the_commit_whoever_fetches_it(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = tmp_path / "hooks" / "post-checkout"
    hook.parent.mkdir()
    hook.write_text("#!/bin/sh\ntouch hooked\n")
    hook.chmod(0o755)
    settings = {"core.autocrlf": "true", "core.hooksPath": str(hook.parent)}
    for at, (key, value) in enumerate(settings.items(), 1):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{at}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{at}", value)
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(settings) + 1))
    monkeypatch.setenv("GIT_DIR", str(repository / ".git"))
    first = process.run(["git", "rev-parse", "HEAD^"]).stdout.strip()
    before = os.umask(0o077)
    try:
        git.fetch(GitSource(url=str(repository), ref=first), tmp_path / "code" / first)
    finally:
        os.umask(before)
    folder = tmp_path / "code" / first
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*")}
    here = {"run.sh", "link", "lines.txt"}
    assert found.keys() == {".gitmodules", "lib", *here, *(f"lib/{name}" for name in here)}
    assert found["lines.txt"].read_bytes() == b"one\ntwo\n"
    assert found["lib/link"].is_symlink()
    modes = {name: stat.S_IMODE(found[name].stat().st_mode) for name in ("lib", *here)}
    assert modes == {"lib": 0o755, "run.sh": 0o755, "link": 0o755, "lines.txt": 0o644}


def test_a_server_that_gives_only_what_has_a_name_is_asked_for_all_of_it(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, run = in_git(repository, "rev-parse", "HEAD^"), process.run

    def refusing(argv: Sequence[str], **more: Any) -> Completed:
        if "--depth=1" in argv and "fetch" in argv:
            done = Completed(argv=tuple(argv), code=128, stdout="", stderr="not our ref", seconds=0)
            raise ProcessFailed(done)
        return run(argv, **more)

    monkeypatch.setattr(process, "run", refusing)
    git.fetch(GitSource(url=str(repository), ref=first), tmp_path / "code")
    assert (tmp_path / "code" / "lines.txt").is_file()


@pytest.mark.parametrize(
    ("url", "reach"),
    [(SOURCE.url, SOURCE.url), ("https://github.com/we/app.git", "https://github.com/")],
)
def test_a_token_goes_no_further_while_fetching_than_buildkit_would_take_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, reach: str
) -> None:
    calls: list[tuple[Sequence[str], Mapping[str, str]]] = []

    def run(argv: Sequence[str], *, env: Mapping[str, str], **_: object) -> Completed:
        calls.append((argv, env))
        return Completed(argv=tuple(argv), code=0, stdout="", stderr="", seconds=0)

    monkeypatch.setattr(process, "run", run)
    git.fetch(replace(GUARDED, url=url), tmp_path / "code", {"CODE_TOKEN": TOKEN})
    assert {env["GIT_CONFIG_KEY_0"] for _, env in calls} == {f"http.{reach}.extraHeader"}
    pair = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    assert not [word for argv, _ in calls for word in argv if TOKEN in word or pair in word]


def test_what_cannot_be_fetched_is_told_as_what_cannot_be_reached(tmp_path: Path) -> None:
    nowhere = GitSource(url=str(tmp_path / "nowhere.git"), ref="a" * 40)
    with pytest.raises(MachineError, match="cannot be reached"):
        git.fetch(nowhere, tmp_path / "code")


def test_a_checkout_is_clean_until_something_in_it_is_new_or_changed(tmp_path: Path) -> None:
    def run(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@b.example")
        process.run(["git", "-C", str(tmp_path), *who, *words])

    assert "in no git repository" in git.unclean(tmp_path)
    run("init", "--quiet")
    project = tmp_path / "project"
    project.mkdir()
    (project / "matrix.yaml").write_text("a")
    (tmp_path / ".gitignore").write_text("*.log\n")
    assert "project" in git.unclean(project)
    run("add", ".")
    run("commit", "--quiet", "--message=all")
    (project / "run.log").write_text("ignored")
    (tmp_path / "beside").write_text("not the project's")
    assert git.unclean(project) == ""
    (project / "matrix.yaml").write_text("b")
    (project / "new").write_text("")
    assert git.unclean(project).endswith("matrix.yaml is not committed and 1 more")
