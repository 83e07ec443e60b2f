"""What follows a publication: which runs moved tags, putting them back, copying what passed to
another target, and collecting what is old."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.exceptions import Exit

from factory.cli import (
    FORMAT_HELP,
    check_form,
    command,
    selecting_command,
    settings_here,
    show,
    warn,
)
from factory.model import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from factory.model import Outcome
    from factory.resuming import Resumed
    from factory.scheduler import Observer
    from factory.settings import Settings

_SHOWN = 20


@command(last=f"how many of them, the newest first; {_SHOWN} if left out", **FORMAT_HELP)
def runs(_c: Context, last: int = _SHOWN, format: str = "text") -> None:
    """Show which runs moved floating tags, which `rollback` can put back."""
    from factory.errors import ConfigError
    from factory.ledger import Ledger
    from factory.project import project_of
    from factory.report.moves import runs_document, runs_text

    check_form(format)
    if last < 1:
        raise ConfigError(
            f"--last is {last}, and at least one run is shown", todo="such as --last 5"
        )
    with Ledger.open(project_of(settings_here()).state / "ledger.sqlite") as ledger:
        journals = ledger.journals()[::-1]
    shown = journals[:last]
    show(runs_text(shown, len(journals)), lambda: runs_document(shown), format)


@command(
    run="the id of the run; the last one that moved tags, if left out",
    forget="give up what --run has not finished, and leave all tags as they are",
    **FORMAT_HELP,
)
def rollback(
    _c: Context, run: str | None = None, forget: bool = False, format: str = "text"
) -> None:
    """Put the floating tags that a run moved back to what they named before."""
    from factory.resuming import rollback as put_back

    settle(format, lambda settings, observer: put_back(settings, run, observer, forget=forget))


def _exit_as(outcomes: Sequence[Outcome]) -> None:
    from factory import errors

    code = errors.exit_code_of(outcome.code for outcome in outcomes)
    if code:
        raise Exit(code=code)


def settle(form: str, act: Callable[[Settings, Observer], Resumed]) -> None:
    """Do something about journals, show what became of them, and exit as that asks for."""
    from factory import console
    from factory.report.moves import resumed_document, resumed_text

    check_form(form)
    settings = settings_here()
    with console.observer(settings.state / "logs") as observer:
        found = act(settings, observer)
    show(
        resumed_text(found.outcomes),
        lambda: resumed_document(found.outcomes, found.journals),
        form,
    )
    _exit_as(found.outcomes)


@selecting_command(
    from_="the target whose images are promoted",
    to="the target that gets them",
)
def promote(
    _c: Context,
    selection: Selection,
    from_: str | None = None,
    to: str | None = None,
    format: str = "text",
) -> None:
    """Copy what is published at one target to another, by digest; nothing is built."""
    from factory import console
    from factory.promoting import promote as bring
    from factory.report.promoted import promoted_document, promoted_text

    check_form(format)
    settings = settings_here()
    with console.observer(settings.state / "logs") as observer:
        found = bring(settings, selection, from_ or "", to or "", observer)
    show(promoted_text(found), lambda: promoted_document(found), format)
    _exit_as(found.outcomes)


@selecting_command(
    target="the target whose images are looked at",
    apply="remove what nothing keeps; without it, it is only shown",
)
def gc(
    _c: Context,
    selection: Selection,
    target: str | None = None,
    apply: bool = False,
    format: str = "text",
) -> None:
    """Show which images at a target its policy keeps; with --apply, remove the others."""
    from factory.report.collected import collected_document, collected_text
    from factory.retaining import collect

    check_form(format)
    found = collect(settings_here(), selection, target or "", warn, apply=apply)
    show(collected_text(found), lambda: collected_document(found), format)
