"""YAML text → plain data, with the line and column of everything in it.

YAML is data here: no tags, no duplicate keys, and a bound on size and depth. Positions are kept
beside the data so that a schema's complaint about ``axes.python[0]`` can name the place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from factory.errors import ConfigError
from factory.matrix.grammar import shown

Path = tuple[str | int, ...]

_MOST_CHARACTERS = 200_000  # some 20 000 cells by name; two seconds of parsing
_MOST_NODES = 50_000
_DEEPEST = 20
_LONGEST = 4_000
_LONGEST_NUMBER = 40
"""Of a scalar, in characters. An alias has it read once more, so that a long one could be read for
hours, and a number to the base of 60 takes the square of its length."""

_BIGGEST = 2**63
_TAGS: dict[type[yaml.Node], tuple[str, ...]] = {
    yaml.MappingNode: ("map",),
    yaml.SequenceNode: ("seq",),
    yaml.ScalarNode: ("str", "int", "float", "bool", "null", "timestamp"),
}


@dataclass(frozen=True, kw_only=True)
class Document:
    """Parsed YAML.

    Attributes:
        name: the file's name, for messages.
        data: dicts, lists and scalars.
        marks: path of keys and indices to (line, column), both from 1.
        raw: path of a scalar to its text as written.
    """

    name: str
    data: object
    marks: dict[Path, tuple[int, int]] = field(default_factory=dict)
    raw: dict[Path, str] = field(default_factory=dict)

    def where(self, path: Path) -> str:
        """``file:line:column`` of the nearest enclosing node that has a place."""
        while path and path not in self.marks:
            path = path[:-1]
        line, column = self.marks.get(path, (1, 1))
        return f"{self.name}:{line}:{column}"


def parse(text: str, name: str) -> Document:
    """Read one YAML document.

    Raises:
        ConfigError: it is malformed, empty, too big or too deep, or uses tags or duplicate keys.
    """
    if len(text) > _MOST_CHARACTERS:
        raise ConfigError(
            f"larger than {_MOST_CHARACTERS:,} characters",
            where=name,
            todo="keep only what this file is for; docs/matrix.md lists it",
        )
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise ConfigError(
            f"not valid YAML: {error.problem or error.context}",
            where=place,
            todo="mend the syntax there, or on the line before",
        ) from None
    except yaml.reader.ReaderError as error:
        raise ConfigError(
            f"not valid YAML: a character that it does not allow, U+{error.character:04X}",
            where=_place(name, text, error.position),
            todo="take the character out; write it as an escape if it is meant",
        ) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # of numbers in escapes
        raise ConfigError(
            f"not valid YAML: {shown(str(error).splitlines()[0])}",
            where=name,
            todo="look for an escape such as \\U with a number that is no character's",
        ) from None
    except RecursionError:
        raise _too_deep(name) from None
    if root is None:
        raise ConfigError("the file is empty", where=name, todo="see docs/matrix.md for a start")
    document = Document(name=name, data=None)
    data = _Converter(document).convert(root, ())
    return Document(name=name, data=data, marks=document.marks, raw=document.raw)


class _Converter:
    """Turns composed nodes into data and notes where each was."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._constructor = yaml.constructor.SafeConstructor()
        self._nodes = 0

    def convert(self, node: yaml.Node, path: Path) -> object:
        self._nodes += 1
        if self._nodes > _MOST_NODES or len(path) > _DEEPEST:
            raise _too_deep(self._document.name)
        mark = (node.start_mark.line + 1, node.start_mark.column + 1)
        self._document.marks.setdefault(path, mark)
        prefix, _, tag = node.tag.rpartition(":")
        if prefix != "tag:yaml.org,2002" or tag not in _TAGS[type(node)]:
            raise self._error(
                node, f"YAML tag {shown(node.tag)} is not supported", todo="write plain values"
            )
        if isinstance(node, yaml.MappingNode):
            return dict(self._items(node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self.convert(item, (*path, at)) for at, item in enumerate(node.value)]
        self._document.raw[path] = node.value
        return self._scalar(node)

    def _items(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, object]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error(key_node, "a key must be a plain word", todo="write key: value")
            key = key_node.value
            if key in seen:
                raise self._error(
                    key_node, f"duplicate key {shown(key)}", todo="keep one of the two"
                )
            if key_node.tag == "tag:yaml.org,2002:merge":
                raise self._error(
                    key_node, "merge keys are not supported", todo="write the keys out"
                )
            if key_node.tag != "tag:yaml.org,2002:str":
                raise self._error(
                    key_node,
                    f"YAML reads the key {shown(key)} as {key_node.tag.rpartition(':')[2]}",
                    todo=f'quote it: "{shown(key)[1:-1]}"',
                )
            seen.add(key)
            self._document.marks[(*path, key)] = (
                key_node.start_mark.line + 1,
                key_node.start_mark.column + 1,
            )
            yield key, self.convert(value_node, (*path, key))

    def _scalar(self, node: yaml.Node) -> object:
        if not node.tag.endswith(":str") and len(node.value) > _LONGEST_NUMBER:
            raise self._unreadable(node)
        if len(node.value) > _LONGEST:
            what = f"a value of more than {_LONGEST:,} characters"
            raise self._error(node, what, todo="shorten it; no key wants one so long")
        try:
            value = self._constructor.construct_object(node)
        # PyYAML lets whatever its conversions meet escape: `!!int ""` is an IndexError there.
        except (ValueError, ArithmeticError, LookupError, AttributeError, yaml.YAMLError):
            raise self._unreadable(node) from None
        if isinstance(value, int) and abs(value) >= _BIGGEST:
            raise self._unreadable(node)
        return value

    def _unreadable(self, node: yaml.Node) -> ConfigError:
        return self._error(
            node,
            f"unreadable value {shown(str(node.value))}",
            todo="put it in quotes if it is meant as text",
        )

    def _error(self, node: yaml.Node, what: str, todo: str = "") -> ConfigError:
        mark = node.start_mark
        where = f"{self._document.name}:{mark.line + 1}:{mark.column + 1}"
        return ConfigError(what, where=where, todo=todo)


def _place(name: str, text: str, position: int) -> str:
    before = text[:position]
    return f"{name}:{before.count(chr(10)) + 1}:{position - before.rfind(chr(10))}"


def _too_deep(name: str) -> ConfigError:
    return ConfigError(
        "nested too deeply, or too large once aliases are expanded",
        where=name,
        todo="write it flatter; docs/matrix.md shows the shape",
    )
