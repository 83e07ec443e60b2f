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

_MOST_CHARACTERS = 1_000_000
_MOST_NODES = 50_000
_DEEPEST = 20
_PLAIN_TAGS = {
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq")
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
        raise ConfigError(f"larger than {_MOST_CHARACTERS:,} characters", where=name)
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
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(
            f"not valid YAML: {shown(str(error).splitlines()[0])}", where=name
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
        if node.tag not in _PLAIN_TAGS:
            raise self._error(node, f"YAML tag or merge key {shown(node.tag)} is not supported")
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
                raise self._error(key_node, "a key must be a plain word")
            key = key_node.value
            if key in seen:
                raise self._error(key_node, f"duplicate key {shown(key)}")
            if key_node.tag != "tag:yaml.org,2002:str":
                raise self._error(
                    key_node,
                    f"YAML reads the key {shown(key)} as {key_node.tag.rpartition(':')[2]}",
                    todo=f'quote it: "{key}"',
                )
            seen.add(key)
            self._document.marks[(*path, key)] = (
                key_node.start_mark.line + 1,
                key_node.start_mark.column + 1,
            )
            yield key, self.convert(value_node, (*path, key))

    def _scalar(self, node: yaml.Node) -> object:
        try:
            return self._constructor.construct_object(node)
        except (ValueError, OverflowError, yaml.YAMLError):
            raise self._error(node, f"unreadable value {shown(str(node.value))}") from None

    def _error(self, node: yaml.Node, what: str, todo: str = "") -> ConfigError:
        mark = node.start_mark
        where = f"{self._document.name}:{mark.line + 1}:{mark.column + 1}"
        return ConfigError(what, where=where, todo=todo)


def _too_deep(name: str) -> ConfigError:
    return ConfigError("nested too deeply, or too large once aliases are expanded", where=name)
