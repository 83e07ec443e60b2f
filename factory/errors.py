"""Every failure that a user can meet, in one file.

A message says what happened, where, and what to do next. The class decides the exit code, and the
exit code names the gate, so that a CI job can branch on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from factory.text import clean, shorten

_SHOWN = 10
_LONGEST = 1_500
"""Characters of what happened and where at most: they may quote what others wrote."""


class FactoryError(Exception):
    """A failure with an explanation; the base of all that a user is shown without a traceback.

    Args:
        what: one sentence, what happened.
        where: the place to look at, such as ``matrix.yaml:12:5`` or a build id.
        todo: the next step for the reader, as an imperative sentence.
        detail: further lines, such as the last output of a tool.
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self, what: str, *, where: str = "", todo: str = "", detail: Iterable[str] = ()
    ) -> None:
        super().__init__(what)
        self.what, self.where = _fit(what), _fit(where)
        self.todo = clean(todo)
        self.detail = tuple(clean(line) for line in detail)

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        lines += [f"  | {line}" for line in self.detail]
        if self.todo:
            lines.append(f"  → {self.todo}")
        return "\n".join(lines)


def _fit(text: str) -> str:
    text = clean(text)
    return text if len(text) <= _LONGEST else shorten(text, _LONGEST)


class ConfigError(FactoryError):
    """The configuration or the call is wrong."""

    exit_code = 2


class BuildError(FactoryError):
    """An image could not be built."""

    exit_code = 3


class ScanError(FactoryError):
    """The scan gate refused an image, or could not judge it."""

    exit_code = 4


class VerifyError(FactoryError):
    """An image failed as a cluster, or could not be judged as one."""

    exit_code = 5


class PublishError(FactoryError):
    """Something was refused at, or could not be moved to, a target."""

    exit_code = 6


class RegistryError(FactoryError):
    """A registry refused, failed, or did not answer.

    Its code is that of publishing; who asks a registry for another reason makes it an error of
    their own.

    Attributes:
        status: the HTTP status that was answered, or ``None`` where there was no answer.
    """

    exit_code = 6

    def __init__(
        self,
        what: str,
        *,
        status: int | None = None,
        where: str = "",
        todo: str = "",
        detail: Iterable[str] = (),
    ) -> None:
        super().__init__(what, where=where, todo=todo, detail=detail)
        self.status = status


class MachineError(FactoryError):
    """This machine lacks something: a tool, an engine, room on a disk."""

    exit_code = 7


class ClusterError(FactoryError):
    """Something that runs from an image, a node or a cluster, could not be brought up or found."""

    exit_code = 8


class Interrupted(FactoryError):
    """The user pressed Ctrl-C, or the run was told to end."""

    exit_code = 130


class ConfigErrors(ConfigError):
    """Several mistakes in one configuration, shown together so that they are mended together."""

    def __init__(self, errors: Iterable[ConfigError]) -> None:
        self.errors = tuple(errors)
        super().__init__(f"{len(self.errors)} mistakes")

    def __str__(self) -> str:
        more = len(self.errors) - _SHOWN
        lines = [str(error) for error in self.errors[:_SHOWN]]
        return "\n".join([*lines, *([f"and {more} more mistakes"] if more > 0 else [])])


def exit_code_of(codes: Iterable[int]) -> int:
    """The code of several failures: that of the earliest gate; an interrupt outranks them."""
    failed = sorted(code for code in codes if code)
    return 130 if 130 in failed else (failed[0] if failed else 0)


def machine_error(error: OSError) -> MachineError:
    """What the operating system refused, as something that a user can mend."""
    return MachineError(
        f"this machine refused: {error.strerror or error}",
        where=str(error.filename or ""),
        todo="see that the disk has room and that this user may read and write there",
    )
