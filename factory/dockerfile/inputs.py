"""What a Dockerfile reads: files of its contexts, images, repositories; and what nobody can see.

Each instruction of BuildKit's grammar, and what it can take in:

- FROM, ``COPY --from``, ``RUN --mount=…,from=``: images, stages and contexts. Of a context that a
  stage is FROM, all of it.
- COPY and ADD: files, folders and patterns of a context; ADD also repositories and downloads.
- RUN: what its mounts show it, and whatever it fetches (``Inputs.runs``).
- ONBUILD: what its trigger names on the network; the files where a stage of the same file is FROM
  the one that has it. In other images a trigger finds only what their own templates read.
- ``# syntax=``: the image of a frontend.
- ARG and ENV: nothing, but they say what the others' variables stand for.
- All others: nothing.

Where the text does not say it exactly, more is taken for read, never less:

- A source with a variable that nobody knows is the whole context; ADD may also download it.
- ``--exclude`` is passed over. A pattern of ``--parents``, which may cross folders, is the folder
  before its first wildcard.
- Stages that the last one does not need count like all others: some are built by themselves.
- A mount may show more than its command looks at.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from factory.dockerfile.parse import SYNTAX, Instruction, parse
from factory.dockerfile.reference import Reference, is_repository, repository
from factory.dockerfile.variables import GLOBAL, OF_SCRATCH, Scope, assigned, declared, expand
from factory.dockerfile.words import OPTION, fields, heredoc
from factory.model import MAIN, Read

SCRATCH = "scratch"

_HTTP = re.compile(r"https?://", re.ASCII)
_WILDCARDS = frozenset("*?[\\")


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """All that an image is made from besides the text.

    Attributes:
        reads: of contexts.
        images: that are FROM, copied from or mounted from, and are no stage of the same file.
        repositories: git repositories that ADD takes.
        downloads: lines of ADDs of a URL, with their checksums where they have one.
        runs: whether anything is run, which may do anything.
    """

    reads: tuple[Read, ...] = ()
    images: tuple[Reference, ...] = ()
    repositories: tuple[Reference, ...] = ()
    downloads: tuple[tuple[int, str], ...] = ()
    runs: bool = False


def inputs_of(instructions: Sequence[Instruction], contexts: Collection[str] = ()) -> Inputs:
    """Derive them.

    Args:
        instructions: of the whole Dockerfile.
        contexts: names of further contexts, which go before stages and images of the same name.
    """
    found = _Finder(contexts=contexts)
    for instruction in instructions:
        found.take(instruction)
    if found.stage in contexts:  # the image is to be that context
        found.reads.append(Read(context=found.stage, path="."))
    return Inputs(
        reads=tuple(sorted(set(found.reads))),
        images=tuple(found.images),
        repositories=tuple(found.repositories),
        downloads=tuple(found.downloads),
        runs=any("RUN" in (each.keyword, _inner(each).keyword) for each in instructions),
    )


@dataclass(kw_only=True)
class _Stage:
    """What a stage hands down to one that is FROM it."""

    scope: Scope
    triggers: list[Instruction] = field(default_factory=list)


@dataclass(kw_only=True)
class _Finder:
    contexts: Collection[str]
    reads: list[Read] = field(default_factory=list)
    images: list[Reference] = field(default_factory=list)
    repositories: list[Reference] = field(default_factory=list)
    downloads: list[tuple[int, str]] = field(default_factory=list)
    stage: str = ""
    _globals: Scope = GLOBAL
    _now: _Stage | None = None
    _stages: dict[str, _Stage] = field(default_factory=dict)

    def take(self, instruction: Instruction) -> None:
        """Note what one instruction reads, and what it tells about later ones."""
        takers = {
            SYNTAX: self._frontend,
            "FROM": self._begin,
            "ARG": self._argument,
            "ENV": self._environment,
            "COPY": self._copy,
            "ADD": self._copy,
            "RUN": self._run,
            "ONBUILD": self._keep,
        }
        if instruction.keyword in takers:
            takers[instruction.keyword](instruction)

    @property
    def _scope(self) -> Scope:
        return self._now.scope if self._now else self._globals

    def _frontend(self, instruction: Instruction) -> None:
        name = instruction.arguments.split()[0]  # what follows are words for the frontend
        self.images.append(Reference(written=name, name=name, line=instruction.first))

    def _argument(self, instruction: Instruction) -> None:
        if self._now:
            self._now.scope = declared(instruction, self._now.scope, self._globals)
        else:
            self._globals = declared(instruction, self._globals)

    def _environment(self, instruction: Instruction) -> None:
        if self._now:
            self._now.scope = assigned(instruction, self._now.scope)

    def _run(self, instruction: Instruction) -> None:
        for mount in instruction.values("mount"):
            self._mount(instruction, mount)

    def _keep(self, instruction: Instruction) -> None:
        """Keep a trigger for stages FROM this one; what it names on the network is pinned here,
        for other images, too."""
        trigger = _inner(instruction)
        if trigger.keyword in ("ADD", "COPY", "RUN"):
            before = len(self.reads)
            self.take(trigger)
            del self.reads[before:]
        if self._now:
            self._now.triggers.append(trigger)

    def _begin(self, instruction: Instruction) -> None:
        written, *alias = fields(instruction.arguments)
        name = expand(written, self._globals, instruction.escape)
        if not name or name.endswith((":", "@", "/")):  # of a variable that nothing sets
            name = written
        base = self._stages.get(name.lower())
        context = self._origin(instruction, written, name)
        if context is not None:
            self.reads.append(Read(context=context, path="."))
        scope = base.scope if base else OF_SCRATCH if name == SCRATCH else Scope()
        self._now = _Stage(scope=scope)
        for trigger in base.triggers if base else ():
            self._fire(trigger)
        self.stage = alias[1].lower() if alias else ""
        self._stages |= {self.stage: self._now} if self.stage else {}

    def _fire(self, trigger: Instruction) -> None:
        """Run a trigger. What it names on the network is known already."""
        images, repositories, downloads = self.images, self.repositories, self.downloads
        self.images, self.repositories, self.downloads = [], [], []
        self.take(trigger)
        self.images, self.repositories, self.downloads = images, repositories, downloads

    def _origin(self, instruction: Instruction, written: str, name: str) -> str | None:
        """The context that a name stands for; if it is none, an image is noted, unless it is a
        stage."""
        context = _familiar(name)
        if context in self.contexts:
            return context
        if name != SCRATCH and name.lower() not in self._stages:
            self.images.append(Reference(written=written, name=name, line=instruction.first))
        return None

    def _copy(self, instruction: Instruction) -> None:
        name = next(iter(instruction.values("from")), "")  # which BuildKit does not expand
        if name.isdecimal():
            return  # the number of a stage
        origin = self._origin(instruction, name, name) if name else MAIN
        if origin is None:
            return
        for source in fields(instruction.arguments)[:-1]:
            if not heredoc(source):
                self._source(instruction, origin, source)

    def _source(self, instruction: Instruction, origin: str, written: str) -> None:
        line, added = instruction.first, instruction.keyword == "ADD"
        source = expand(written, self._scope, instruction.escape)
        seen = written if source is None else source
        if added and is_repository(seen):
            self.repositories.append(repository(written, seen, line))
            return
        if added and (_HTTP.match(seen) or (source is None and "$" in seen.partition("/")[0])):
            checksum = next(iter(instruction.values("checksum")), "")
            self.downloads.append((line, checksum))
        if not added or not _HTTP.match(seen):
            parents = "parents" in (name for name, _ in instruction.flags)
            path = "." if source is None else _above_wildcards(source) if parents else source
            self.reads.append(Read(context=origin, path=_normal(path)))

    def _mount(self, instruction: Instruction, mount: str) -> None:
        options = _options(mount)
        kind, written = options.get("type", "bind"), options.get("from", "")
        if kind in ("secret", "ssh", "tmpfs") or (kind == "cache" and not written):
            return
        origin = self._origin(instruction, written, written) if written else MAIN
        if origin is not None:
            source = expand(options.get("source", ""), self._scope, instruction.escape)
            self.reads.append(Read(context=origin, path=_normal(source or ".")))


def _inner(instruction: Instruction) -> Instruction:
    """What an ONBUILD keeps; any other instruction itself."""
    return instruction.trigger or instruction


def _familiar(name: str) -> str:
    """An image's name as short as it can be written, by which contexts go."""
    return name.removeprefix("docker.io/").removeprefix("library/").removesuffix(":latest").lower()


def _options(mount: str) -> dict[str, str]:
    """What a mount says, by the longest of an option's names."""
    parts = (part.strip('"').replace('""', '"') for part in OPTION.findall(mount))
    pairs = (part.partition("=") for part in parts)
    found = {name.strip().lower(): value for name, _, value in pairs}
    if "type" in found:
        found["type"] = found["type"].lower()
    return ({"source": found["src"]} if "src" in found else {}) | found


def _normal(source: str) -> str:
    """A path below its context, as BuildKit takes it: what would lead above it stays inside."""
    parts: list[str] = []
    for part in source.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts) or "."


def _above_wildcards(source: str) -> str:
    parts = source.split("/")
    plain = [not _WILDCARDS & set(part) for part in parts]
    return "/".join(parts[: plain.index(False)]) if False in plain else source


def derive(text: str, contexts: Collection[str] = (), *, where: str = "Dockerfile") -> Inputs:
    """The inputs of a Dockerfile's text.

    Raises:
        ConfigError: it cannot be read.
    """
    return inputs_of(parse(text, where=where), contexts)


def canonical(instructions: Sequence[Instruction]) -> Iterator[tuple[object, ...]]:
    """What of a text BuildKit acts on: not comments, empty lines and the case of keywords."""
    for each in instructions:
        heredocs = tuple((heredoc.name, heredoc.text) for heredoc in each.heredocs)
        escape = (each.escape,) if each.escape != "\\" else ()
        yield each.keyword, each.flags, each.arguments, heredocs, *escape
