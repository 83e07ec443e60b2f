"""Whether values have kept to their places: they say what a Dockerfile says, and its template
alone which instructions it has and what these do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass

from factory.dockerfile import Instruction, differing, inert, parse
from factory.errors import ConfigError
from factory.model import TEMPLATES

_OF_IMAGES = ("image", "git")
"""Variables that a user's file of an image gives; what others say is in the matrix or follows from
it."""

_SHOWN = 60
_NAME = re.compile(r"(?=.*[0-9])(?=.*[a-z])[a-z0-9][a-z0-9._/:-]*")
_HARMLESS = frozenset("_./:@+-")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """What a template was rendered to.

    Attributes:
        template: its name.
        variables: what it was rendered with.
        text: the result.
        instructions: of that text.
    """

    template: str
    variables: Mapping[str, object]
    text: str
    instructions: Sequence[Instruction]

    @property
    def alike(self) -> tuple[str, str]:
        """The same for texts that are all right together: they differ in two names at most, which
        cannot be a keyword, since they have digits and more, nor be split or expanded."""
        text = self.text
        cell = getattr(self.variables.get("cell"), "id", "")
        for mark, word in (("parent", self.variables.get("parent")), ("cell", cell)):
            if isinstance(word, str) and _NAME.fullmatch(word):
                text = text.replace(word, f"\0{mark}\0")
        return self.template, text


@dataclass(frozen=True, kw_only=True)
class Structure:
    """Holds rendered texts to the structure that their templates have by themselves.

    Attributes:
        render: renders a template.
    """

    render: Callable[[str, Mapping[str, object]], str]
    _parsed: dict[str, tuple[Instruction, ...]] = field(default_factory=dict)
    _right: set[tuple[str, str]] = field(default_factory=set)

    def check(self, rendered: Rendered, asked_by: str = "") -> None:
        """Hold a text to it.

        Args:
            rendered: the text and what it was made of.
            asked_by: the file that the values of an image come from, or nothing.

        Raises:
            ConfigError: a value does more than to fill in a word or a string, or the template does
                something with values that leaves this open.
        """
        alike = rendered.alike
        if alike in self._right:
            return
        where = f"{TEMPLATES}/{rendered.template}"
        allowed = self._allowed(rendered, where)
        found = differing(rendered.instructions, allowed)
        if found:
            raise ConfigError(
                f"{_told(found, rendered, asked_by)} changes what this {_named(found)} "
                "does, and may only be part of what it says",
                where=f"{where} (line {found.first} of what it renders)",
                todo="write it between double quotes in the template, or change the value; "
                "instructions, options and frontends are the template's own to name",
            )
        self._right.add(alike)

    def _allowed(self, rendered: Rendered, where: str) -> tuple[Instruction, ...]:
        """The instructions as the template has them by itself. Most cells give the same text."""
        variables = {name: inert(value) for name, value in rendered.variables.items()}
        try:
            text = self.render(rendered.template, variables)
        except ConfigError as error:
            raise ConfigError(
                "the template computes with a value, so that nobody can tell what is the value's "
                f"and what its own: {error.what}",
                where=error.where,
                todo="compare values with others, and put them in as they are",
            ) from error
        try:
            if text not in self._parsed:
                self._parsed[text] = parse(text, where=where)
        except ConfigError as error:
            raise ConfigError(
                f"a value says what only a template may say: with x in its place, {error.what}",
                where=error.where,
                todo="write keywords, delimiters and directives out in the template",
            ) from error
        return self._parsed[text]


def _named(instruction: Instruction) -> str:
    return "# syntax=" if instruction.keyword == "SYNTAX" else instruction.keyword


def _told(found: Instruction, rendered: Rendered, asked_by: str) -> str:
    """The value that does it, as far as it can be told: of those on the instruction's lines, or of
    several lines themselves, the one that is least like a plain word."""
    lines = rendered.text.split("\n")
    before = [each.last for each in rendered.instructions if each.last < found.first]
    place = "\n".join(lines[before[-1] if before else 0 : found.last])
    there = [
        (not _harmless(value), len(value), name, value)
        for name, value in _strings("", rendered.variables)
        if value in place or ("\n" in value and value in rendered.text)
    ]
    if not there:
        return "a value"
    _, _, name, value = max(there)
    file = asked_by if asked_by and name.split(".")[0] in _OF_IMAGES else "matrix.yaml"
    shown = ascii(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}...")
    return f"{name} of {file} ({shown})"


def _harmless(value: str) -> bool:
    return not value.startswith("-") and all(one.isalnum() or one in _HARMLESS for one in value)


def _strings(name: str, value: object) -> Iterator[tuple[str, str]]:
    """All strings that are not empty in a value, by the names of what they are in."""
    if isinstance(value, str):
        yield from [(name, value)] if value else []
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _strings(f"{name}.{key}".lstrip("."), one)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _strings(name, one)
    elif is_dataclass(value):
        for each in fields(value):
            yield from _strings(f"{name}.{each.name}", getattr(value, each.name))
