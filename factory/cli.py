"""What all tasks share: errors as exit codes, the selection flags, one way to print a result."""

from __future__ import annotations

import inspect
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, TextIO

from invoke.exceptions import Exit
from invoke.parser.argument import Argument
from invoke.tasks import Task, task

from factory.errors import ConfigError, FactoryError, Interrupted, MachineError, machine_error
from factory.model import Selection
from factory.settings import Settings

_SHARED: dict[str, tuple[object, str]] = {
    "variant": (None, "only this device: cpu or gpu"),
    "python": (None, "only this Python, such as 3.11"),
    "ray": (None, "only this Ray, such as 2.60.0"),
    "rllib": (False, "only cells with RLlib"),
    "no_rllib": (False, "only cells without RLlib"),
    "image": (None, "only this image"),
    "only": ([], "only cells or builds that match this glob (repeatable)"),
    "skip": ([], "no cells or builds that match this glob (repeatable)"),
}


class FactoryTask(Task):  # type: ignore[type-arg]  # generic only for invoke's own typing
    """A task whose errors are messages and exit codes, never tracebacks."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        try:
            return super().__call__(*args, **kwargs)
        except FactoryError as error:
            raise Exit(str(error), error.exit_code) from None
        except OSError as error:
            raise Exit(str(machine_error(error)), MachineError.exit_code) from None
        except KeyboardInterrupt:
            raise Exit("interrupted", Interrupted.exit_code) from None


FORMAT_HELP = {"format": "text (the default) or json"}
_SELECTION_HELP = {name.replace("_", "-"): text for name, (_, text) in _SHARED.items()}

_REPEATABLE = ("--only", "--skip")
Body = Callable[..., object]


def command(**help_texts: str) -> Callable[[Body], Body]:
    """A task; ``help_texts`` says what each of its flags means."""

    def make(body: Body) -> Body:
        made: Body = task(body, klass=FactoryTask, help=help_texts, auto_shortflags=False)
        return made

    return make


def selecting_command(**help_texts: str) -> Callable[[Body], Body]:
    """A task with the selection flags, ``--format``, and those of its own that ``help_texts``
    says the meaning of."""

    def make(body: Body) -> Body:
        made: Body = task(
            _selecting(body),
            klass=FactoryTask,
            help=_SELECTION_HELP | FORMAT_HELP | help_texts,
            iterable=["only", "skip"],
            auto_shortflags=False,
        )
        return made

    return make


class NamedTask(FactoryTask):
    """A task whose positional arguments may be left out."""

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """Invoke insists on every positional argument: so it is told of as many as there are words
        after the task that are neither flags nor their values. Were none ever positional, `bench
        release` would be two tasks."""
        arguments: list[Argument] = super().get_arguments(ignore_unknown_help)
        words = _words_of(self.name, sys.argv)
        valued = {f"--{name}" for one in arguments if one.takes_value for name in one.names}
        before = ["", *words]
        own = [word for at, word in enumerate(words) if before[at] not in valued]
        given = sum(not word.startswith("-") for word in own)
        for argument in [one for one in arguments if one.positional][given:]:
            argument.positional = False
        return arguments


def _words_of(name: str, argv: Sequence[str]) -> Sequence[str]:
    """What follows a task, by its name or as ``collection.name``, up to a ``--``."""
    call = argv[: argv.index("--")] if "--" in argv else argv
    at = next((at for at, word in enumerate(call) if word.rpartition(".")[2] == name), len(call))
    return call[at + 1 :]


def naming_command(*positional: str, **help_texts: str) -> Callable[[Body], Body]:
    """A task with flags as ``help_texts`` says, of which some may be given by their place, or be
    left out."""

    def make(body: Body) -> Body:
        made: Body = task(
            body,
            klass=NamedTask,
            positional=positional,
            help={name.replace("_", "-"): text for name, text in help_texts.items()},
            auto_shortflags=False,
        )
        return made

    return make


def words_after() -> tuple[str, ...]:
    """What was typed after ``--``, word for word: Invoke itself joins them, and loses where each
    one ends."""
    return tuple(sys.argv[sys.argv.index("--") + 1 :]) if "--" in sys.argv else ()


def on_terminal() -> bool:
    """Whether somebody sits at a terminal, to read and to type."""
    return sys.stdin.isatty() and sys.stdout.isatty()


selection_command = selecting_command()
"""A task with the selection flags and ``--format``."""


def _selecting(body: Body) -> Body:
    """Give a body the selection flags, which it takes as one ``selection``: invoke reads the
    signature, so the flags are written once, here."""
    own = [
        parameter
        for name, parameter in inspect.signature(body).parameters.items()
        if name != "selection"
    ]
    shared = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default)
        for name, (default, _) in _SHARED.items()
    ]

    @wraps(body)
    def wrapped(*args: Any, **kwargs: Any) -> object:
        flags = {name: kwargs.pop(name, default) for name, (default, _) in _SHARED.items()}
        return body(*args, selection=_selection(flags), **kwargs)

    wrapped.__signature__ = inspect.Signature([*own[:1], *shared, *own[1:]])  # type: ignore[attr-defined]  # what invoke reads
    return wrapped


def _selection(flags: dict[str, Any]) -> Selection:
    _require_globs(sys.argv)
    if flags["rllib"] and flags["no_rllib"]:
        raise ConfigError("--rllib and --no-rllib exclude each other", todo="keep one of them")
    rllib = True if flags["rllib"] else False if flags["no_rllib"] else None
    return Selection(
        variant=flags["variant"],
        python=flags["python"],
        ray=flags["ray"],
        rllib=rllib,
        image=flags["image"],
        only=tuple(flags["only"]),
        skip=tuple(flags["skip"]),
    )


def _require_globs(words: Sequence[str]) -> None:
    """Invoke takes a repeatable flag without a value for none of it: an empty variable in a script
    would select everything."""
    for flag, value in zip(words, [*words[1:], ""], strict=True):
        if flag in _REPEATABLE and (not value or value.startswith("--")):
            raise ConfigError(f"{flag} has no value", todo=f"write {flag} GLOB, or leave it out")


def show(text: str, document: Callable[[], object], form: str) -> None:
    """Print a result on standard output, as text or as one JSON document.

    Raises:
        ConfigError: ``form`` is neither ``text`` nor ``json``.
    """
    check_form(form)
    _say(text if form == "text" else json.dumps(document(), indent=2), sys.stdout)


def check_form(form: str) -> None:
    """Refuse an unknown ``--format`` before any work is done."""
    if form not in ("text", "json"):
        raise ConfigError(f"--format {form!r} is not known", todo="use text or json")


def settings_here() -> Settings:
    """The settings of the environment; the default root is the tree of ``tasks.py``, which is this
    one, wherever below it the user stands."""
    root = Path(__file__).resolve().parents[1]
    return Settings.from_environment({"FACTORY_ROOT": str(root)} | dict(os.environ))


def warn(text: str) -> None:
    """Tell the user something on standard error."""
    _say(text, sys.stderr)


def _say(text: str, stream: TextIO) -> None:
    """Print, whatever the stream can encode and however soon its reader leaves."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    try:
        print(text, file=stream, flush=True)
    except (
        BrokenPipeError
    ):  # the reader, such as `head`, has seen enough; the exit code still tells
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
