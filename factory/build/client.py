"""The thin edge to BuildKit: buildx, for one solve or for several at once."""

from __future__ import annotations

import json
import re
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory import process
from factory.build.solve import Solve, bake_file
from factory.errors import BuildError
from factory.text import gist

Log = Callable[[str], None]
BUILDX = ("docker", "buildx")
_SECONDS = 3600
_TAIL = 400
_SHOWN = 24
_OUR_SETTING = "`native-tls`"
"""What newer uvs warn of, and older ones know by no other name."""

_EXITED = "did not complete successfully"
_FAILED = re.compile(r"#(\d+) ERROR: ")
_SECONDS_SAID = re.compile(r"[0-9]+\.[0-9]+ ")
"""How each line of plain progress begins, behind its number, that a program said."""

_ENV = {
    "BUILDX_GIT_INFO": "0",
    "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
    "BUILDX_BUILDER": "",
    # Since 0.20 bake asks whether it may read what is outside of the current folder: all of this
    # is, and it is our own file that says so.
    "BUILDX_BAKE_ENTITLEMENTS_FS": "0",
}
_VERTEX = re.compile(r"#(\d+) (?:\[([A-Za-z0-9_-]+)[\] ])?")
"""The beginning of a line of plain progress: the number of what it is about, and, where that is
named, its target."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A solve, and who wants it.

    Attributes:
        label, where: the step and its Dockerfile, for an error.
        hide: takes out of what is said whatever is secret.
        log: gets the progress, line by line.
    """

    solve: Solve
    label: str
    where: str
    hide: Callable[[str], str]
    log: Log


@dataclass(frozen=True, kw_only=True)
class Client:
    """buildx on one builder.

    Attributes:
        buildx: the program.
        builder: the name of the buildx builder: that of the Docker context in use.
    """

    buildx: tuple[str, ...]
    builder: str

    def build(self, asked: Asked) -> Mapping[str, Any]:
        """One solve; gives BuildKit's metadata of it.

        Raises:
            BuildError: it failed; the error has the last lines.
        """
        last: deque[str] = deque(maxlen=_TAIL)

        def line(text: str) -> None:
            last.append(asked.hide(text))
            asked.log(last[-1])

        try:
            return self._run("build", asked.solve.arguments(), line)
        except process.ProcessFailed as error:
            how = "took longer than an hour" if error.timed_out else "failed"
            raise BuildError(
                f"step {asked.label} {how}",
                where=asked.where,
                todo="mend what its last lines say; all of them are in .factory/logs/",
                detail=_telling(last),
            ) from error

    def bake(self, several: Sequence[Asked]) -> Sequence[Mapping[str, Any] | None]:
        """Several solves in one call; gives BuildKit's metadata of each, or ``None`` for what is to
        be built by itself: the only one that there is, or all, if one failed. Bake then breaks the
        others off, and does not say which failed."""
        if len(several) == 1:
            return [None]
        with tempfile.TemporaryDirectory(prefix="factory-") as folder:
            file = Path(folder, "bake.json")
            content = bake_file([one.solve for one in several])
            file.write_text(json.dumps(content), encoding="utf-8")
            try:
                found = self._run("bake", [f"--file={file}"], _telling_each(several))
            except process.ProcessFailed:
                return [None] * len(several)
        return [found.get(one.solve.name) for one in several]

    def _run(self, verb: str, arguments: Iterable[str], line: Log) -> Mapping[str, Any]:
        with tempfile.TemporaryDirectory(prefix="factory-") as scratch:
            metadata = Path(scratch, "metadata.json")
            argv = [
                *self.buildx,
                verb,
                f"--builder={self.builder}",
                "--progress=plain",
                "--provenance=false",
                f"--metadata-file={metadata}",
                *arguments,
            ]
            # buildx leaves a folder behind for each call
            process.run(argv, env=_ENV | {"TMPDIR": scratch}, timeout=_SECONDS, on_line=line)
            written: dict[str, Any] = json.loads(metadata.read_text(encoding="utf-8"))
            return written


def _telling_each(several: Iterable[Asked]) -> Log:
    """What hands each line of a bake's progress to the log of the target that it is about; lines
    about none go to no log."""
    wants = {one.solve.name: one for one in several}
    about: dict[str, Asked] = {}

    def tell(line: str) -> None:
        begun = _VERTEX.match(line)
        if begun is None:
            return
        number, target = begun.groups()
        if target in wants:
            about[number] = wants[target]
        if number in about:
            about[number].log(about[number].hide(line))

    return tell


def _telling(lines: Iterable[str]) -> list[str]:
    """What the failing instruction said: BuildKit repeats its end between two rules, before it
    prints the Dockerfile once more. Where no program failed, such as a fetch from git, why it
    failed is in the very last line alone."""
    said = [line for line in lines if line.strip() and _OUR_SETTING not in line]
    rules = [at for at, line in enumerate(said) if set(line) == {"-"}]
    if len(rules) < 2:
        return gist(said, _SHOWN)
    told = [line for line in said[rules[0] + 1 : rules[1]] if not line.startswith(" > [")]
    why = [line for line in said[rules[1] :] if line.startswith("ERROR: ") and _EXITED not in line]
    return gist([*(_whole(said) or told), *why], _SHOWN)


def _whole(said: Sequence[str]) -> list[str]:
    """All that the failing instruction said: between the rules BuildKit repeats its last lines,
    and of some it loses the beginning (``3.773 error: No solution`` came as ``: No solution``)."""
    failed = next((found[1] for line in said if (found := _FAILED.match(line))), None)
    begun = f"#{failed} "
    own = (line.removeprefix(begun) for line in said if failed and line.startswith(begun))
    return [line for line in own if _SECONDS_SAID.match(line)]
