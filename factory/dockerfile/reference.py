"""Names on the network: images, and git repositories."""

from __future__ import annotations

import re
from dataclasses import dataclass

_GIT = re.compile(
    r"(git|ssh)://\S+|[\w.-]+@[\w.-]+:\S+|https?://[^#?\s]+\.git(\?[^#\s]*)?(#\S*)?", re.ASCII
)
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)


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


def is_repository(source: str) -> bool:
    """Whether ADD takes it for a git repository."""
    return _GIT.fullmatch(source) is not None


def repository(written: str, source: str, line: int) -> Reference:
    """The reference of a repository that ADD takes: ``url#ref:folder``."""
    address, _, fragment = source.partition("#")
    ref, _, folder = fragment.partition(":")
    return Reference(
        written=written, name=f"{address}#{ref}", line=line, folder=folder, repository=True
    )
