"""One question to uv: what a step asks for, on top of what the steps before it hold."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from factory.errors import ConfigError, FactoryError, MachineError
from factory.lock.lines import check_lines
from factory.model import Asked, Lock, Pin, Torch
from factory.uv import Asking, Unanswered, compile_pins

Versions = tuple[tuple[str, str], ...]
"""Names and versions, sorted by name."""

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_FOUND = re.compile(r"^(\S+?)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})*)$", re.MULTILINE)
_PLACED = re.compile(r"^(\S+) @ ", re.MULTILINE)
_YANKED = re.compile(r"warning: `(\S+?)==(\S+)` is yanked(?: \(reason: (.*)\))?")
_UNREADABLE = "Couldn't parse requirement"
_OWN = "factory-own"


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is asked; equal questions have one answer.

    Attributes:
        asked: the requirements, and who asks.
        python: minor version.
        below: what is there already, and stays as it is.
        wishes: what stands on it asks for: taken where it can be had, so that a version that an
            image insists on is not contradicted by one that was merely the newest.
        kept: what was locked so far.
        fixed: whether that has to stay; else it is what is preferred.
    """

    asked: Asked
    python: str
    below: Versions = ()
    wishes: tuple[str, ...] = ()
    kept: Versions = ()
    fixed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What uv found.

    Attributes:
        lock: what there is to install.
        yanked: by name, why a version of it was taken back.
        granted: whether all wishes were; else none was.
    """

    lock: Lock
    yanked: Mapping[str, str]
    granted: bool = True


def versions_of(locks: Iterable[Lock]) -> Versions:
    """All that some locks hold."""
    return tuple(sorted({item for lock in locks for item in lock.versions.items()}))


def answer(question: Question, asking: Asking, root: Path, log: Callable[[str], None]) -> Answer:
    """Ask uv.

    Args:
        asking: the host's package sources.
        root: the project's root, by which the paths of the matrix go.

    Raises:
        ConfigError: the requirements are of a form that no lock holds, or nothing satisfies them.
        MachineError: uv is missing, or no index answers.
    """
    check_lines(question.asked.requirements, question.asked.where)
    try:
        return _answer(question, asking, root, log)
    except Unanswered as error:
        if not (error.refused and question.wishes):
            raise _explained(question, error) from error
    plain = answer(replace(question, wishes=()), asking, root, log)
    return replace(plain, granted=False)


def _answer(question: Question, asking: Asking, root: Path, log: Callable[[str], None]) -> Answer:
    with tempfile.TemporaryDirectory(prefix="factory-lock-") as folder:
        arguments = list(_written(question, root, Path(folder)))
        said = compile_pins(
            [*arguments, "--generate-hashes", "--output-file", "lock.txt"],
            python=question.python,
            asking=asking,
            folder=Path(folder),
            on_line=log,
        )
        text = Path(folder, "lock.txt").read_text(encoding="utf-8")
    yanked = {name: reason for name, _, reason in _YANKED.findall(said.stderr)}
    return Answer(lock=_lock(question, text), yanked=yanked)


def _written(question: Question, root: Path, folder: Path) -> Iterator[str]:
    """Write what uv reads; yields its arguments. What is asked for keeps its file's name, which uv
    names in its messages."""
    asked, own = question.asked, _own_sources(question.asked, root)
    plain = [line for line in asked.requirements if _name(line) not in own]
    file = asked.where if asked.kind == "app" else "requirements.txt"
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text("\n".join([*plain, ""]), encoding="utf-8")
    yield file
    if own:
        (folder / "pyproject.toml").write_text(_project(asked, root, own), encoding="utf-8")
        yield "pyproject.toml"
    fixed = (*question.below, *(question.kept if question.fixed else ()))
    # Three signs: to two, 2.13.0+cpu is a 2.13.0 as well.
    lines = [f"{name}==={version}" for name, version in fixed]
    lines += question.wishes
    (folder / "constraints.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")
    yield from ("--constraint", "constraints.txt")
    preferred = [f"{name}=={version}" for name, version in question.kept]
    (folder / "lock.txt").write_text("\n".join([*preferred, ""]), encoding="utf-8")


def _own_sources(asked: Asked, root: Path) -> dict[str, dict[str, str]]:
    """Packages that come from a place of their own, as ``tool.uv.sources`` takes it."""
    own: dict[str, dict[str, str]] = {}
    if asked.torch and (asked.torch.index or asked.torch.find_links):
        own["torch"] = {"index": _OWN}
    if asked.wheel:
        own["ray"] = {"path": str(root / asked.wheel)}
    return own


def _project(asked: Asked, root: Path, own: Mapping[str, Mapping[str, str]]) -> str:
    """A project that asks for what has a source of its own: requirements files know no such."""
    wanted = [line for line in asked.requirements if _name(line) in own]
    wanted += ["ray"] if "ray" in own else []
    lines = ["[project]", f'name = "{asked.name}-step"', 'version = "0"']
    lines += [f"dependencies = {json.dumps(wanted)}", "[tool.uv.sources]"]
    for name, source in own.items():
        pairs = ", ".join(f"{key} = {json.dumps(value)}" for key, value in source.items())
        lines.append(f"{name} = {{ {pairs} }}")
    if asked.torch and "torch" in own:
        lines += _own_index(asked.torch, root)
    return "\n".join(lines)


def _own_index(torch: Torch, root: Path) -> list[str]:
    """The index, or the folder, that torch alone is taken from."""
    url = torch.index or str(root / str(torch.find_links))
    flat = [] if torch.index else ['format = "flat"']
    return [
        *("[[tool.uv.index]]", f'name = "{_OWN}"', f"url = {json.dumps(url)}"),
        *("explicit = true", *flat),
    ]


def _name(line: str) -> str:
    found = _REQUIREMENT.match(line)
    return re.sub(r"[-_.]+", "-", found[1]).lower() if found else ""


def _lock(question: Question, text: str) -> Lock:
    asked, there = question.asked, dict(question.below)
    own = {"ray"} if asked.wheel else set()
    for name in _PLACED.findall(text):
        if name not in own:
            raise ConfigError(
                f"{name} is asked for by a place, and a lock holds versions",
                where=asked.where,
                todo="find out what depends on it so, and take another release of that",
            )
    pins = {
        name: Pin(
            version=version,
            hashes=tuple(re.findall(r"--hash=(\S+)", hashes)),
            exact=name == "torch" and asked.torch is not None and "+" not in version,
        )
        for name, version, hashes in _FOUND.findall(text)
        if name not in there and name not in own
    }
    bare = [name for name, pin in pins.items() if not pin.hashes]
    if bare:
        raise MachineError(
            f"no package source gives a hash of {', '.join(bare)}",
            where=asked.where,
            todo="see that the index is a whole one, and run again",
        )
    return Lock(made_for=asked.digest, pins=pins)


def _explained(question: Question, error: Unanswered) -> FactoryError:
    asked = question.asked
    who = f"{asked.name} for Python {question.python}"
    unreadable = any(_UNREADABLE in line for line in error.said)
    if unreadable:
        return ConfigError(
            "a line is no requirement", where=asked.where, todo="mend it", detail=error.said
        )
    if error.refused:
        kept = "what is locked" if question.fixed else "what is asked for"
        return ConfigError(
            f"{kept} cannot be had, or does not go together with what it stands on: {who}",
            where=asked.where,
            todo="ask for versions that there are as wheels and that go with Ray's and the "
            "parents' own, or run `invoke lock --upgrade`, which moves these as well",
            detail=error.said,
        )
    return MachineError(
        f"no package source answers for {who}",
        todo="see that pip can install on this host and that its index settings are right "
        "(`invoke doctor`), then run again",
        detail=error.said,
    )
