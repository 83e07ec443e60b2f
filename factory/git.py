"""The shared edge to git repositories over HTTP: which commit a ref is at, and what is in it."""

from __future__ import annotations

import base64
import difflib
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from factory import process
from factory.errors import ConfigError, MachineError
from factory.model import GitSource

_SECONDS = 60
_FETCH_SECONDS = 1800
_AS_COMMITTED = ("core.hooksPath=/dev/null", "core.attributesFile=/dev/null", "core.autocrlf=false")
"""So that a commit has one content, whoever fetches it."""

_GITHUB = "https://github.com/"
_DENIED = ("authentication failed", "could not read username", "error: 403", "error: 401")


def commit_of(source: GitSource, env: Mapping[str, str] = os.environ) -> str:
    """The commit that a source's ref is at now, as 40 hex digits.

    A ref that is a tag and a branch alike is the tag, as git has it; a commit is itself, once the
    repository has let us in.

    Raises:
        ConfigError: there is no such ref.
        MachineError: git or the token is missing, or the repository cannot be reached.
    """
    refs = _refs(source, env)
    if source.pinned:
        return source.ref
    wanted = (f"refs/tags/{source.ref}^{{}}", f"refs/tags/{source.ref}", f"refs/heads/{source.ref}")
    for name in (*wanted, source.ref):
        if name in refs:
            return refs[name]
    raise ConfigError(
        f"{source.url} has no branch and no tag {source.ref}",
        where="image.yaml",
        todo=_hint(source.ref, refs),
    )


def unclean(root: Path) -> str:
    """Why a folder is no clean git checkout, so that no commit tells what is in it; empty if it is.

    What git ignores does not count, and what is outside of the folder does not either.
    """
    git = process.find_tool("git")
    if git is None:
        return "this machine has no git to tell"
    asked = process.run(
        [git, "-C", str(root), "status", "--porcelain", "--", "."], check=False, timeout=_SECONDS
    )
    if asked.code:
        return "the project is in no git repository"
    changed = [line[3:] for line in asked.stdout.splitlines()]
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    return f"{changed[0]} is not committed{more}" if changed else ""


def fetch(source: GitSource, folder: Path, env: Mapping[str, str] = os.environ) -> None:
    """Fetch the commit that a source names, with its submodules and without its history, into a new
    folder.

    Raises:
        MachineError: git or the token is missing, or the repository cannot be reached.
    """
    folder.mkdir(parents=True)
    changes: dict[str, str | None] = {**_environment(source, env, _reach(source.url))}
    # As they are for who runs us from a hook of another repository's.
    changes |= dict.fromkeys(("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"))
    settings = [word for setting in _AS_COMMITTED for word in ("-c", setting)]

    def run(*arguments: str) -> None:
        argv = ["git", *settings, *arguments]
        process.run(argv, env=changes, cwd=folder, timeout=_FETCH_SECONDS)

    try:
        run("init", "--quiet", "--template=")
        run("remote", "add", "origin", source.url)
        try:
            run("fetch", "--quiet", "--depth=1", "origin", source.ref)
        except process.ProcessFailed:  # some servers give what has a name, and nothing else
            run("fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*")
        run("checkout", "--quiet", "--detach", source.ref)
        run("submodule", "--quiet", "update", "--init", "--recursive", "--depth=1")
    except process.ProcessFailed as error:
        raise _explained(source, error) from error
    _leave_the_tree(folder)


def _reach(url: str) -> str:
    """Where a token is shown while fetching: to its repository alone; on GitHub, as BuildKit has
    it, to others there too, which may be its submodules."""
    return _GITHUB if url.startswith(_GITHUB) else url


def _leave_the_tree(folder: Path) -> None:
    """Take away what git keeps beside the files, and what the umask made of their modes."""
    for path in sorted(folder.rglob(".git")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runs else 0o644)


def token_of(variable: str, env: Mapping[str, str] = os.environ) -> str:
    """A secret that an image asks for.

    Raises:
        MachineError: the environment variable is not set, or empty.
    """
    if not env.get(variable):
        raise MachineError(
            f"the environment variable {variable} is not set, and an image asks for it",
            where="image.yaml",
            todo=f"export {variable}=…, or drop it from the image",
        )
    return env[variable]


def _hint(wanted: str, refs: Iterable[str]) -> str:
    known = sorted({name.split("/", 2)[-1].removesuffix("^{}") for name in refs})
    if not known:
        return "push a commit to it: it is empty"
    near = difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known[:8])}"
    return f"{hint} (a commit is given with all of its 40 digits)"


def _refs(source: GitSource, env: Mapping[str, str]) -> dict[str, str]:
    """Full ref names to commits."""
    argv = ["git", "ls-remote", source.url, "HEAD", "refs/heads/*", "refs/tags/*"]
    try:
        listed = process.run(argv, env=_environment(source, env), timeout=_SECONDS)
    except process.ProcessFailed as error:
        raise _explained(source, error) from error
    pairs = (line.split("\t") for line in listed.stdout.splitlines() if "\t" in line)
    return {name: commit for commit, name in pairs}


def _environment(
    source: GitSource, env: Mapping[str, str], reach: str | None = None
) -> dict[str, str]:
    """git asks nobody; the token goes to this repository alone, or as far as ``reach``, and is in
    no argument."""
    settings = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "LC_ALL": "C"}
    if source.token is None:
        return settings
    pair = f"x-access-token:{token_of(source.token, env)}"
    header = f"Authorization: Basic {base64.b64encode(pair.encode()).decode()}"
    # git would take the header along to wherever it is redirected.
    pairs = [(f"http.{reach or source.url}.extraHeader", header), ("http.followRedirects", "false")]
    said = env.get("GIT_CONFIG_COUNT", "")
    first = int(said) if said.isdecimal() else 0  # what the user sets in this way holds as well
    settings["GIT_CONFIG_COUNT"] = str(first + len(pairs))
    for at, (key, value) in enumerate(pairs, first):
        settings |= {f"GIT_CONFIG_KEY_{at}": key, f"GIT_CONFIG_VALUE_{at}": value}
    return settings


def _explained(source: GitSource, error: process.ProcessFailed) -> MachineError:
    said = error.completed.tail[-6:]
    if any(word in line.lower() for line in said for word in _DENIED):
        token = f"the token in {source.token}" if source.token else "access without a token"
        todo = (
            f"see that {source.token} may read it"
            if source.token
            else "name a variable with a token: `source: {git: …, token: NAME}`"
        )
        return MachineError(f"{source.url} refuses {token}", todo=todo, detail=said)
    if any("error: 30" in line.lower() for line in said):
        return MachineError(
            f"{source.url} redirects to elsewhere, where the token in {source.token} must not go",
            todo="write the address that it redirects to",
            detail=said,
        )
    return MachineError(
        f"{source.url} cannot be reached",
        todo="see that this machine can reach it, and that the address is right",
        detail=said,
    )
