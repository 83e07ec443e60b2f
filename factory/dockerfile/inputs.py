"""What a Dockerfile reads: files of its contexts, images, repositories; and what nobody can see."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from factory.dockerfile.parse import Instruction, parse, words
from factory.dockerfile.variables import assigned, expand
from factory.model import MAIN, Read

SCRATCH = "scratch"

_REMOTE = re.compile(r"(https?|git|ssh)://|git@[\w.-]+:", re.ASCII)
_GIT = re.compile(r"(git|ssh)://\S+|git@\S+|https?://[^#\s]+\.git(#\S*)?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
_STAGE_NUMBER = re.compile(r"\d+", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """Something on the network that an instruction names: an image, or a git repository.

    Attributes:
        written: the word in the text.
        name: what a pin of it goes by: an image as it is named, or a repository as ``url#ref``.
        folder: of a repository, the folder in it that is taken, or empty.
        repository: whether it is one.
        line: of its instruction.
    """

    written: str
    name: str
    line: int
    folder: str = ""
    repository: bool = False

    @property
    def pinned(self) -> bool:
        """Whether it names a digest or a commit already."""
        if self.repository:
            return _COMMIT.fullmatch(self.name.partition("#")[2]) is not None
        return "@sha256:" in self.name

    def at(self, pin: str) -> str:
        """How it is written with its digest or commit."""
        if not self.repository:
            return f"{self.name}@{pin}"
        return f"{self.name.partition('#')[0]}#{pin}{self.folder and f':{self.folder}'}"


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
    return Inputs(
        reads=tuple(sorted(set(found.reads))),
        images=tuple(found.images),
        repositories=tuple(found.repositories),
        downloads=tuple(found.downloads),
        runs=any(instruction.keyword == "RUN" for instruction in instructions),
    )


def is_repository(source: str) -> bool:
    """Whether ADD takes it for a git repository."""
    return _GIT.fullmatch(source) is not None


@dataclass(kw_only=True)
class _Finder:
    contexts: Collection[str]
    reads: list[Read] = field(default_factory=list)
    images: list[Reference] = field(default_factory=list)
    repositories: list[Reference] = field(default_factory=list)
    downloads: list[tuple[int, str]] = field(default_factory=list)
    _stages: dict[str, Mapping[str, str]] = field(default_factory=dict)
    _count: int = 0
    _defaults: dict[str, str] = field(default_factory=dict)
    _known: dict[str, str] = field(default_factory=dict)
    _stage: str = ""

    def take(self, instruction: Instruction) -> None:
        """Note what one instruction reads, and what it tells about later ones."""
        takers = {
            "FROM": self._begin,
            "ARG": self._argument,
            "ENV": self._environment,
            "COPY": self._copy,
            "ADD": self._copy,
            "RUN": self._run,
        }
        if instruction.keyword in takers:
            takers[instruction.keyword](instruction)
        if self._stage:
            self._stages[self._stage] = self._known

    def _argument(self, instruction: Instruction) -> None:
        if not self._count:
            self._defaults |= assigned(instruction, self._defaults)
            return
        names = [word.partition("=")[0] for word in words(instruction.arguments)]
        given = {name: self._defaults[name] for name in names if name in self._defaults}
        self._known |= given | assigned(instruction, self._known)

    def _environment(self, instruction: Instruction) -> None:
        self._known |= assigned(instruction, self._known)

    def _run(self, instruction: Instruction) -> None:
        for mount in instruction.values("mount"):
            self._mount(instruction, mount)

    def _begin(self, instruction: Instruction) -> None:
        names = instruction.arguments.split()
        base = expand(names[0], self._defaults)
        self._known = dict(self._stages.get(base.lower(), {}))
        self._from(instruction, names[0], base)
        self._stage = names[2].lower() if len(names) > 2 else ""
        self._count += 1

    def _from(self, instruction: Instruction, written: str, name: str) -> bool:
        """Note an image, a stage or a context by the name that stands for it; whether its files
        come from neither of our contexts."""
        if name in self.contexts:
            return False
        if name.lower() not in (SCRATCH, *self._stages) and not _STAGE_NUMBER.fullmatch(name):
            self.images.append(Reference(written=written, name=name, line=instruction.first))
        return True

    def _copy(self, instruction: Instruction) -> None:
        if origins := instruction.values("from"):
            origin = expand(origins[0], {**self._defaults, **self._known})
            if self._from(instruction, origins[0], origin):
                return
        else:
            origin = MAIN
        for source in words(instruction.arguments)[:-1]:
            if not source.startswith("<<"):
                self._source(instruction, origin, source)

    def _source(self, instruction: Instruction, origin: str, written: str) -> None:
        source = expand(written, self._known)
        if instruction.keyword == "ADD" and is_repository(source):
            self.repositories.append(_repository(written, source, instruction.first))
        elif instruction.keyword == "ADD" and _REMOTE.match(source):
            checksum = next(iter(instruction.values("checksum")), "")
            self.downloads.append((instruction.first, checksum))
        else:
            self.reads.append(Read(context=origin, path=_normal(source)))

    def _mount(self, instruction: Instruction, mount: str) -> None:
        options = dict(_option(part) for part in mount.split(","))
        if options.get("type", "bind") not in ("bind", "cache"):
            return
        written = options.get("from")
        if written is None and options.get("type") == "cache":
            return
        origin = expand(written, {**self._defaults, **self._known}) if written else MAIN
        if written and self._from(instruction, written, origin):
            return
        source = expand(options.get("source") or options.get("src") or ".", self._known)
        self.reads.append(Read(context=origin, path=_normal(source)))


def _repository(written: str, source: str, line: int) -> Reference:
    address, _, fragment = source.partition("#")
    ref, _, folder = fragment.partition(":")
    return Reference(
        written=written, name=f"{address}#{ref}", line=line, folder=folder, repository=True
    )


def _option(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name.strip().lower(), value.strip().strip("\"'")


def _normal(source: str) -> str:
    """A path below its context, as BuildKit takes it: what would lead above it stays inside. One
    with a variable that nobody knows could be anything, so it is everything."""
    if "$" in source:
        return "."
    parts: list[str] = []
    for part in source.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts) or "."


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
        yield each.keyword, each.flags, each.arguments, heredocs
