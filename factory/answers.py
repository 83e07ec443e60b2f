"""Several questions at once, all of which have to be answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from factory import process
from factory.errors import ConfigError, ConfigErrors, FactoryError, Interrupted, MachineError
from factory.model import State
from factory.scheduler import Log, Observer, Work, execute

T = TypeVar("T")


def answers_to(
    questions: Mapping[str, Callable[[Log], T]], verb: str, width: int, observer: Observer
) -> dict[str, T]:
    """The answers, by what the questions are called.

    Args:
        verb: what is done to find them out, for messages.
        width: how many are asked at once.

    Raises:
        ConfigError: a question has no good answer; all such are shown.
        FactoryError: nobody could be asked.
        Interrupted: the run was cancelled.
    """
    found: dict[str, T] = {}
    failed: dict[str, FactoryError] = {}

    def run(name: str, log: Log) -> tuple[State, str]:
        try:
            found[name] = questions[name](log)
        except Interrupted:
            raise
        except FactoryError as error:
            failed[name] = error
            return State.FAILED, error.what
        return State.DONE, ""

    works = [Work(verb=verb, subject=name, run=partial(run, name), lane=verb) for name in questions]
    outcomes = execute(works, {verb: width}, observer) if works else ()
    if process.is_cancelled():
        raise Interrupted("interrupted")
    for outcome in outcomes:
        if outcome.subject not in found and outcome.subject not in failed:
            raise RuntimeError("\n".join((outcome.reason, *outcome.detail)))
    if failed:
        raise _together([failed[name] for name in questions if name in failed])
    return found


def _together(errors: Sequence[FactoryError]) -> FactoryError:
    """The earliest gate's, as one."""
    distinct = list({str(error): error for error in errors}.values())
    wrong = [error for error in distinct if isinstance(error, ConfigError)]
    if wrong:
        return wrong[0] if len(wrong) == 1 else ConfigErrors(wrong)
    first, *others = distinct
    if not others:
        return first
    more = [f"{error.what}: {error.todo}" for error in others]
    return MachineError(
        first.what, where=first.where, todo=first.todo, detail=[*first.detail, *more]
    )
