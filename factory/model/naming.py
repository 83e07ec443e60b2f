"""What builds are called at a target: templates with plain placeholders, and short forms of cells.

A template is data: ``{cell}`` and its like are put in as they are, and nothing else happens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

from factory.model.cell import Build, Cell
from factory.model.plan import KEY_DIGITS

OMIT_PYTHON, OMIT_DEVICE, LATEST_RAY, LATEST = (
    "omit-python",
    "omit-device",
    "latest-ray",
    "latest",
)
"""Rules for short forms. The first three leave out, or call ``latest``, what is the same in the
cell that ``latest`` names; the last calls that cell itself so."""

PLACEHOLDERS = ("image", "cell", "ray", "python", "py", "device", "rllib")
"""What any template may name, beside axes of the user's; ``py`` is ``py311``."""

KEY = "key"
"""What only an immutable tag names: the first digits of the key."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_DIGITS = re.compile(rf"(?=([0-9a-f]{{{KEY_DIGITS}}}))")


def placeholders(template: str) -> list[str]:
    """What a template names, in order.

    Raises:
        ValueError: a brace has no other half.
    """
    if set("{}") & set(_PLACEHOLDER.sub("", template)):
        raise ValueError("a brace has no other half")
    return _PLACEHOLDER.findall(template)


def expand(template: str, values: Mapping[str, str]) -> str:
    """A template with its placeholders' values, each put in once and as it is.

    Raises:
        KeyError: it names something else.
    """
    return _PLACEHOLDER.sub(lambda found: values[found[1]], template)


def values_of(build: Build) -> dict[str, str]:
    """What placeholders stand for; an axis of the user's hides none of ours."""
    cell = build.cell
    ours = {"image": build.image, "cell": cell.id, "py": f"py{cell.python.replace('.', '')}"}
    return {**cell.axes, **ours}


def forms_of(cell: Cell, latest: Cell | None, rules: Iterable[str]) -> tuple[str, ...]:
    """The cell's id, and each shorter form that rules give it; without a ``latest`` there is none.

    Args:
        rules: of those named above; each combination of them that fits is a form.
    """
    if latest is None:
        return (cell.id,)
    known = set(rules)
    rays = [cell.ray, *(["latest"] if LATEST_RAY in known and cell.ray == latest.ray else [])]
    minor = f"py{cell.python.replace('.', '')}"
    pythons = [minor, *([""] if OMIT_PYTHON in known and cell.python == latest.python else [])]
    devices = [cell.device]
    devices += [""] if OMIT_DEVICE in known and cell.device == latest.device else []
    forms = [
        "-".join(part for part in (*parts, *cell.suffixes) if part)
        for parts in product(rays, pythons, devices)
    ]
    named = ["latest"] if LATEST in known and cell == latest else []
    return tuple(dict.fromkeys((*forms, *named)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """The immutable tags of a build whatever its key is: what is before the key, and after it."""

    before: str
    after: str

    def ends_with(self, text: str) -> bool:
        """Whether one of them could."""
        mirrored = Pattern(before=self.after[::-1], after=self.before[::-1])
        return mirrored.starts_with(text[::-1])

    def starts_with(self, text: str) -> bool:
        """Whether one of them could."""
        head, rest = text[: len(self.before)], text[len(self.before) :]
        if not rest:
            return self.before.startswith(text)
        digits, tail = rest[:KEY_DIGITS], rest[KEY_DIGITS:]
        hexes = all(one in "0123456789abcdef" for one in digits)
        return head == self.before and hexes and self.after.startswith(tail)


def patterns_that_fit(tag: str) -> Iterator[Pattern]:
    """Those by which a tag could be an immutable one."""
    for found in _DIGITS.finditer(tag):
        at = found.start()
        yield Pattern(before=tag[:at], after=tag[at + KEY_DIGITS :])


@dataclass(frozen=True, kw_only=True, slots=True)
class Naming:
    """How a target names builds.

    Attributes:
        repository: the template of the repository, below the target's registry.
        tag: that of the immutable tag; it names ``{key}`` once.
        floating: those of the floating tags, in which ``{cell}`` is each form of the cell.
        aliases: the rules for these forms.
        latest: the cell that ``latest`` names, or ``None``.
        where: place in ``matrix.yaml`` of the target, under ``""``, and of keys that are written.
    """

    repository: str = "{image}"
    tag: str = "{cell}-{key}"
    floating: tuple[str, ...] = ("{cell}",)
    aliases: tuple[str, ...] = (LATEST,)
    latest: Cell | None = None
    where: Mapping[str, str] = field(default_factory=dict, compare=False)

    def repository_of(self, build: Build) -> str:
        """The repository of a build, below the target's registry."""
        return expand(self.repository, values_of(build))

    def immutable_of(self, build: Build, key: str) -> str:
        """The tag that names one content for ever."""
        return expand(self.tag, {**values_of(build), KEY: key[:KEY_DIGITS]})

    def pattern_of(self, build: Build) -> Pattern:
        """The same, of any key."""
        before, _, after = self.tag.partition("{key}")
        values = values_of(build)
        return Pattern(before=expand(before, values), after=expand(after, values))

    def floating_of(self, build: Build) -> tuple[str, ...]:
        """The tags that move to whatever passed last."""
        values = values_of(build)
        forms = forms_of(build.cell, self.latest, self.aliases)
        return tuple(
            dict.fromkeys(
                expand(template, {**values, "cell": form})
                for template in self.floating
                for form in forms
            )
        )

    def place(self, key: str) -> str:
        """Where a key stands in ``matrix.yaml``, or else its target."""
        return self.where.get(key) or self.where.get("", "")
