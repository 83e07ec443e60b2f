"""A document against its schema; every complaint with its place and, for typos, a near match."""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from factory.errors import ConfigError, ConfigErrors
from factory.matrix.document import Document, Path
from factory.matrix.grammar import shown

Model = TypeVar("Model", bound=BaseModel)

_NUMBER_OR_DATE = ("string_type", "literal_error")
_LISTED = 12
_QUOTED = re.compile(r"'([^']+)'")


def validate(document: Document, model: type[Model]) -> Model:
    """Validate a whole document.

    Raises:
        ConfigErrors: every mistake in it, in the order of the file.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        found = error.errors(include_url=False)
    raise ConfigErrors(_explain(document, model, item) for item in _distinct(document, found))


def near(word: str, words: Iterable[str]) -> str:
    """A hint that names what may have been meant, or lists what there is."""
    known = sorted(set(words))
    begun = [
        one for one in known if len(one) > 1 and (word.startswith(one) or one.startswith(word))
    ]
    alike = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    close = list(dict.fromkeys((*begun, *alike)))[:3] if word else []
    if close:
        return f"did you mean {' or '.join(close)}?"
    more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    return f"known: {', '.join(known[:_LISTED])}{more}" if known else "there is none"


def _distinct(document: Document, found: list[ErrorDetails]) -> list[ErrorDetails]:
    """One complaint a place, in the order of the file. Where a value fits no branch of a union,
    that is its first branch's complaint, unless one goes deeper into the value."""
    first: dict[Path, ErrorDetails] = {}
    for item in found:
        missing = (item["loc"][-1],) if item["type"] == "missing" else ()
        first.setdefault((*_real_path(document, item["loc"]), *missing), item)
    outer = {path[:length] for path in first for length in range(len(path))}
    order = list(document.marks)  # as the file goes
    at = {path: number for number, path in enumerate(order)}
    return [
        first[path]
        for path in sorted(first, key=lambda path: at.get(path, at.get(path[:-1], 0)))
        if path not in outer
    ]


def _real_path(document: Document, loc: Path) -> Path:
    """pydantic's location without the parts that name a branch of a union or a key's own check."""
    path: Path = ()
    for part in loc:
        if (*path, part) in document.marks:
            path = (*path, part)
    return path


def _explain(document: Document, model: type[BaseModel], item: ErrorDetails) -> ConfigError:
    path = _real_path(document, item["loc"])
    where = document.where(path)
    name = ".".join(shown(str(part))[1:-1] for part in path) or "the document"
    kind, value = item["type"], item["input"]
    if kind == "extra_forbidden":
        fields = _fields_at(model, path[:-1])
        return ConfigError(
            f"unknown key {shown(str(path[-1]))}", where=where, todo=near(str(path[-1]), fields)
        )
    if kind == "missing":
        key = str(item["loc"][-1])
        others = list(value) if isinstance(value, dict) else []
        hint = difflib.get_close_matches(key, others, n=1, cutoff=0.6)
        todo = f"is {shown(hint[0])} meant to be {key}?" if hint else f"add `{key}:`"
        return ConfigError(f"{name} lacks {key}", where=where, todo=todo)
    if not isinstance(value, str) and kind in _NUMBER_OR_DATE and path in document.raw:
        return _yaml_trap(document.raw[path], value, where)
    todo = "docs/ explains every key"
    if kind == "literal_error" and isinstance(value, str):
        todo = near(value, _QUOTED.findall(str(item["ctx"]["expected"])))
    return ConfigError(f"{name}: {_sentence(item)}", where=where, todo=todo)


def _yaml_trap(raw: str, value: object, where: str) -> ConfigError:
    if value is None:
        return ConfigError("a value is missing", where=where, todo="write one, or drop the key")
    read = {"float": "the number", "int": "the number", "bool": "the truth value"}
    what = read.get(type(value).__name__, f"a {type(value).__name__},")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    written = shown(raw)[1:-1]
    return ConfigError(
        f"{written} without quotes is {what} {text} in YAML, and a string is wanted",
        where=where,
        todo=f'write "{written}"',
    )


def _sentence(item: ErrorDetails) -> str:
    message = item["msg"][0].lower() + item["msg"][1:]
    plain = item["type"] != "form" and isinstance(item["input"], str | int | float | bool)
    return f"{message}, not {shown(str(item['input']))}" if plain else message


def _fields_at(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that the schema knows at a path."""
    current: Any = model
    for part in path:
        if isinstance(current, type) and issubclass(current, BaseModel):
            info = current.model_fields.get(str(part))
            current = info.annotation if info else None
        else:
            current = _inner(current)
    current = _model_of(current)
    return list(current.model_fields) if current else []


def _inner(annotation: Any) -> Any:
    arguments = typing.get_args(annotation)
    return arguments[-1] if arguments else None


def _model_of(annotation: Any) -> type[BaseModel] | None:
    options = [annotation]
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        options = list(typing.get_args(annotation))
    for option in options:
        if isinstance(option, type) and issubclass(option, BaseModel):
            return option
    return None
