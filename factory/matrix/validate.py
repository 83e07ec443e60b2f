"""A document against its schema; every complaint with its place and, for typos, a near match."""

from __future__ import annotations

import difflib
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

_NUMBER_OR_DATE = ("string_type", "literal_error", "form")


def validate(document: Document, model: type[Model]) -> Model:
    """Validate a whole document.

    Raises:
        ConfigErrors: every mistake in it, in the order of the file.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        found = error.errors(include_url=False)
    mistakes = {_key(document, item): _explain(document, model, item) for item in found}
    raise ConfigErrors(mistakes[key] for key in sorted(mistakes))


def near(word: str, words: Iterable[str]) -> str:
    """A hint that names what may have been meant, or lists what there is."""
    known = sorted(set(words))
    close = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"known: {', '.join(known)}" if known else ""


def _key(document: Document, item: ErrorDetails) -> tuple[tuple[int, int], str]:
    path = _real_path(document, item["loc"])
    return document.marks.get(path, (0, 0)), ".".join(map(str, path))


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
    name = ".".join(map(str, path)) or "the document"
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
        todo = f"is {shown(hint[0])} meant to be {key}?" if hint else f"add {key}:"
        return ConfigError(f"{name} lacks {key}", where=where, todo=todo)
    if not isinstance(value, str) and kind in _NUMBER_OR_DATE and path in document.raw:
        return _yaml_trap(document.raw[path], value, where)
    return ConfigError(f"{name}: {_sentence(item)}", where=where)


def _yaml_trap(raw: str, value: object, where: str) -> ConfigError:
    read = {"float": "the number", "int": "the number", "bool": "the truth value"}
    what = read.get(type(value).__name__, f"a {type(value).__name__},")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return ConfigError(
        f"{raw} without quotes is {what} {text} in YAML, and a string is wanted",
        where=where,
        todo=f'write "{raw}"',
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
