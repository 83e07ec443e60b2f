"""``invoke adopt``: an image that somebody made by hand, as a cell's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.exceptions import Exit

from factory.cli import FORMAT_HELP, check_form, command, settings_here, show, warn
from factory.model import Selection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from factory.model import PlannedBuild, Target
    from factory.pipeline import Prepared


def _build(prepared: Prepared, name: str) -> PlannedBuild:
    from factory.errors import ConfigError

    builds = prepared.plan.builds
    if len(builds) > 1:
        ids = ", ".join(one.build.id for one in builds)
        raise ConfigError(
            f"--as {name!r} is {len(builds)} builds: {ids}",
            todo=f"say which, such as --as {builds[0].build.id}",
        )
    return builds[0]


def _targets(known: Sequence[Target], name: str | None, *, publish: bool) -> tuple[Target, ...]:
    from factory.errors import ConfigError
    from factory.matrix import near

    if name is not None and name not in {one.name for one in known}:
        raise ConfigError(
            f"--target {name!r} is not in matrix.yaml",
            todo=near(name, [one.name for one in known]),
        )
    if name is not None and not publish:
        raise ConfigError("--target goes with --publish", todo="say --publish, too")
    wanted = [one for one in known if name == one.name or not (name or one.promote_only)]
    return tuple(wanted) if publish else ()


_HELP = {"as": "the cell, or the build, whose image it is to stand for"}


@command(
    ref="the image, as the engine takes it",
    publish="publish it, under tags that show where it comes from",
    target="with --publish: this target alone",
    **_HELP,
    **FORMAT_HELP,
)
def adopt(
    _c: Context,
    ref: str,
    as_: str | None = None,
    publish: bool = False,
    target: str | None = None,
    format: str = "text",
) -> None:
    """Judge an image that was committed by hand as a cell's own, and note what differs."""
    from factory import console, preflight
    from factory.adopting import Wanted
    from factory.adopting import adopt as adopted
    from factory.errors import ConfigError
    from factory.pipeline import beside, prepare
    from factory.report.adoptions import adoption_document, adoption_text

    check_form(format)
    if not as_:
        raise ConfigError("as which cell's image?", todo=f"say it: invoke adopt {ref} --as CELL")
    settings = settings_here()
    prepared = prepare(settings, Selection(only=(as_,)))
    planned = _build(prepared, as_)
    targets = _targets(prepared.project.matrix.targets, target, publish=publish)
    project, _ = preflight.recalled(settings, prepared.project, prepared.builds)
    plans = (prepared.plan, beside(settings, prepared, project, prepared.plan, ["publish"]))
    wanted = Wanted(ref=ref, planned=planned, targets=targets)
    with console.observer(settings.state / "logs") as observer:
        found = adopted(settings, project, plans, wanted, observer)
    if found.adoption:
        known = (found.adoption, found.verdicts, found.publications)
        show(adoption_text(*known), lambda: adoption_document(*known), format)
    if found.error:
        raise found.error
    if found.adoption and not targets:
        warn("not published: say --publish, too")
    if found.adoption is None:
        raise Exit("interrupted", 130)
