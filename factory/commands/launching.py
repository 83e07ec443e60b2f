"""The flags that say which published images a cluster is of: the same on each export."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

from invoke.tasks import task

from factory.cli import FORMAT_HELP, FactoryTask

if TYPE_CHECKING:
    from factory.exporting import Wanted

Body = Callable[..., object]

_SHARED: dict[str, tuple[object, str]] = {
    "cell": (None, "of the head and the workers; what `latest` names, if left out"),
    "head": (None, "the head's cell, if the workers' is another one"),
    "worker": ([], "a cell of workers (repeatable)"),
    "cohort": (None, "a cohort of matrix.yaml: its head and its workers"),
    "image": (None, "which image, where several are made for the cell"),
    "target": (None, "where it is published; the first of matrix.yaml, if left out"),
    "registry": (
        None,
        "host:port by which nodes reach that registry, if by another name than here",
    ),
    "name": (None, "the cluster's name"),
    "workers": (2, "how many workers of each kind"),
    "output": (None, "where to write it, instead of under .factory/export/"),
}
_SIZES: dict[str, tuple[object, str]] = {
    "cpus": (2, "cores of each node"),
    "memory": (4, "GiB of each node"),
}
_NAME = re.compile(r"[a-z](?:[a-z0-9-]*[a-z0-9])?", re.ASCII)
_LONGEST_NAME = 50
_PLAIN = re.compile(r"[A-Za-z0-9._:/@~+-]*", re.ASCII)


def launching_command(
    *repeatable: str, sizes: bool = True, longest: int = _LONGEST_NAME, **help_texts: str
) -> Callable[[Body], Body]:
    """A task whose body takes the shared flags as one ``wanted``, and ``output``.

    Args:
        repeatable: those of its own flags that may be given more than once.
        sizes: whether the cores and the memory of nodes are asked.
        longest: how many characters a cluster's name may have.
        help_texts: what its own flags mean.
    """
    shared = _SHARED | (_SIZES if sizes else {})
    texts = {name: text for name, (_, text) in shared.items()} | FORMAT_HELP | help_texts

    def make(body: Body) -> Body:
        made: Body = task(
            _taking(body, shared, longest),
            klass=FactoryTask,
            help={name.replace("_", "-"): text for name, text in texts.items()},
            iterable=["worker", *repeatable],
            auto_shortflags=False,
        )
        return made

    return make


def _taking(body: Body, shared: dict[str, tuple[object, str]], longest: int) -> Body:
    """Invoke reads the signature, so the shared flags are put into it."""
    own = [
        parameter
        for name, parameter in inspect.signature(body).parameters.items()
        if name not in ("wanted", "output")
    ]
    flags = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default)
        for name, (default, _) in shared.items()
    ]

    @wraps(body)
    def wrapped(*args: Any, **kwargs: Any) -> object:
        values = {name: kwargs.pop(name, default) for name, (default, _) in shared.items()}
        return body(*args, wanted=_wanted(values, longest), output=values["output"], **kwargs)

    wrapped.__signature__ = inspect.Signature([*own[:1], *flags, *own[1:]])  # type: ignore[attr-defined]  # what invoke reads
    return wrapped


def _wanted(values: dict[str, Any], longest: int) -> Wanted:
    """What the shared flags say.

    Raises:
        ConfigError: a value is none that could go into a file.
    """
    from factory.errors import ConfigError
    from factory.exporting import Wanted

    require_plain(registry=values["registry"])
    name = values["name"] or ""
    if name and not _NAME.fullmatch(name):
        raise ConfigError(
            f"--name {name!r} is no name of a cluster",
            todo="use small letters, digits and dashes, such as my-ray",
        )
    if len(name) > longest:
        raise ConfigError(
            f"--name {name!r} is too long: it has {len(name)} characters",
            todo=f"use {longest} at most",
        )
    texts = ("cell", "head", "cohort", "image", "target", "registry")
    said: dict[str, Any] = {name: values[name] or "" for name in texts}
    said |= {name: values[name] for name in _SIZES if name in values}
    workers, count = tuple(values["worker"]), values["workers"]
    return Wanted(**said, workers=workers, name=name, longest=longest, count=count)


def require_plain(**values: str | Sequence[str] | None) -> None:
    """Refuse, in values of flags, what would mean something else in a shell or a file.

    Raises:
        ConfigError: one has such a character.
    """
    from factory.errors import ConfigError

    for flag, value in values.items():
        given: Iterable[str] = [value] if isinstance(value, str) else value or ()
        for one in given:
            if not _PLAIN.fullmatch(one):
                raise ConfigError(
                    f"--{flag.replace('_', '-')} {one!r} has a character that it must not have",
                    todo="use letters, digits and . _ : / @ ~ + -",
                )
