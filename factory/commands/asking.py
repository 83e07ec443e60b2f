"""What is asked about images that are there: how two differ, what one carries, and why one would
be made again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from factory.cli import FORMAT_HELP, NamedTask, check_form, command, settings_here, show, warn
from factory.model import Selection

if TYPE_CHECKING:
    from collections.abc import Sequence


@task(
    klass=NamedTask,
    positional=["name"],
    help={
        "name": "a cell, of which all builds are explained, a build, a pair or a cohort",
        "against": "published, or another cell or build; without it, what was last built",
        "all": "every difference, where otherwise the first is shown",
        **FORMAT_HELP,
    },
    auto_shortflags=False,
)
def explain(
    _c: Context,
    name: str | None = None,
    against: str | None = None,
    all: bool = False,
    format: str = "text",
) -> None:
    """Show why a cell would, or would not, be built, scanned and verified again."""
    from factory import report
    from factory.errors import ConfigError
    from factory.explaining import explain as explained
    from factory.explaining import explain_pairs, meant
    from factory.model import PUBLISHED
    from factory.pipeline import prepare
    from factory.project import load

    check_form(format)
    if name is None:
        raise ConfigError(
            "explain which cell?",
            todo="name a cell or a build: `invoke explain CELL`; `invoke matrix` lists the cells",
        )
    settings = settings_here()
    project = load(settings)
    builds, pairs = meant(project, name)
    ids = [build.id for build in builds]
    others = [against] if against not in (None, PUBLISHED) else []
    prepared = prepare(settings, Selection(only=(*ids, *others)), project)
    all_of_it = (settings, prepared.project, prepared.plan, prepared.contents)
    found = explained(*all_of_it, builds=ids, against=against)
    together = () if against else explain_pairs(*all_of_it, pairs)
    show(
        report.explanation_text(found, together, everything=all),
        lambda: report.documents.explanation(found, together),
        format,
    )


@command(
    one="a build that was made here, or any image that the engine has",
    other="likewise",
    **FORMAT_HELP,
)
def diff(_c: Context, one: str, other: str, format: str = "text") -> None:
    """Show how two images differ: packages, findings, bytes of each step."""
    from factory.differing import compare
    from factory.report.differences import difference_document, difference_text

    check_form(format)
    found = compare(settings_here(), one, other, warn)
    show(difference_text(one, other, found), lambda: difference_document(one, other, found), format)


@task(
    klass=NamedTask,
    positional=["ref"],
    iterable=["key", "accept"],
    help={
        "ref": "an image in any registry, by tag or digest; or a build that was published here",
        "key": "a public key: only what it signed counts (repeatable)",
        "policy": "a target of this project, whose policy the image has to satisfy",
        "accept": "a partial reason that does not refuse (repeatable); none does otherwise",
        "max-age": "days after which a verdict has expired",
        **FORMAT_HELP,
    },
    auto_shortflags=False,
)
def audit(
    _c: Context,
    ref: str | None = None,
    key: Sequence[str] | None = None,
    policy: str | None = None,
    accept: Sequence[str] | None = None,
    max_age: str | None = None,
    format: str = "text",
) -> None:
    """Show what a published image carries, and exit 6 unless every gate satisfies a policy."""
    from factory import console, report
    from factory.auditing import Asked, days_of
    from factory.auditing import audit as look
    from factory.errors import ConfigError, PublishError

    check_form(format)
    if ref is None:
        raise ConfigError(
            "audit which image?",
            todo="name one, or a build that was published from here: `invoke audit REF`",
        )
    asked = Asked(
        ref=ref,
        keys=tuple(key or ()),
        policy=policy,
        accept=tuple(accept or ()),
        max_age_days=days_of(max_age),
    )
    found = look(settings_here(), asked)
    show(
        report.audit_text(found, width=console.width_of(sys.stdout)),
        lambda: report.audit_document(found),
        format,
    )
    if found.refusals:
        raise Exit(code=PublishError.exit_code)
