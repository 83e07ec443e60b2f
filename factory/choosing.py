"""Which image a name means, and having it in the engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from factory.engine import Engine
from factory.errors import ClusterError, ConfigError, PublishError, RegistryError
from factory.fetching import pull, require_platform
from factory.ledger import Ledger
from factory.matrix import near
from factory.model import Build, Chosen, Project
from factory.model.target import LOCAL
from factory.project import all_builds, load
from factory.publish.local import ensure
from factory.remotes import Remotes
from factory.settings import Settings

_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*", re.ASCII)
Note = Callable[[str], None]


def choose(settings: Settings, engine: Engine, name: str | None, target: str | None) -> Chosen:
    """The image that a name means: of a cell or a build of the matrix what is published, else what
    was built here; anything else is an image's own name. Without one, it is the cell that
    ``latest`` names.

    Raises:
        ConfigError: there is none, or several.
    """
    if (settings.root / "matrix.yaml").is_file():
        project = load(settings)
        builds = _meant(project, name)
        if builds:
            return _of_build(settings, engine, _one(builds, name), target)
        known = [word for build in all_builds(project) for word in (build.id, build.cell.id)]
    else:
        known = []
    if name is None:
        raise ConfigError("run what?", todo="name a cell, a build or an image")
    if not _REF.fullmatch(name):
        raise ConfigError(f"{name!r} is no image's name", todo=near(name, known))
    if engine.image(name) is None and "/" not in name and any(known):
        raise ConfigError(
            f"{name!r} is no cell, no build, and no image in the engine",
            todo=f"{near(name, known)} Or `docker pull` it, if it is an image",
        )
    return Chosen(ref=name, name=name)


def _meant(project: Project, name: str | None) -> list[Build]:
    latest = project.matrix.latest
    if name is None:
        return [build for build in all_builds(project) if build.cell == latest]
    return [build for build in all_builds(project) if name in (build.id, build.cell.id)]


def _one(builds: Sequence[Build], name: str | None) -> Build:
    if len(builds) > 1:
        raise ConfigError(
            f"{name or 'the latest cell'} is {len(builds)} builds",
            todo=f"name one: {', '.join(build.id for build in builds)}",
        )
    return builds[0]


def _of_build(settings: Settings, engine: Engine, build: Build, target: str | None) -> Chosen:
    with Ledger.open(settings.state / "ledger.sqlite") as ledger:
        published = ledger.publications().values()
        places = {it.target: it for it in published if it.build_id == build.id}
        key = ledger.made().get(build.id) or ledger.planned().get(build.id)
        built = ledger.built(key) if key else None
    if target is not None and target not in places:
        raise ConfigError(
            f"{build.id} was never published at {target!r}",
            todo=near(target, places) if places else _publish(build),
        )
    if places:
        where = target or next(iter(places))
        place = places[where]
        ref = f"{place.repository}@{place.manifest_digest}"
        return Chosen(ref=ref, name=build.id, build=build, target=where)
    if built is None or engine.image(built.image_id) is None:
        raise ConfigError(
            f"{build.id} was never published, and is not built here", todo=_publish(build)
        )
    return Chosen(ref=built.image_id, name=build.id, build=build)


def _publish(build: Build) -> str:
    return f"`invoke release --only {build.id}`"


def present(settings: Settings, engine: Engine, chosen: Chosen, note: Note) -> str:
    """Have an image in the engine, which can run it; returns what the engine takes.

    Raises:
        ClusterError: it could not be pulled, or is for another architecture.
    """
    if chosen.unproven:
        note(f"warning: {chosen.name} IS NOT PUBLISHED: this is what was built here, unproven")
    elif chosen.target:
        note(f"{chosen.name} as published at {chosen.target}: {chosen.ref}")
    image = engine.image(chosen.ref)
    if image is None:
        with _login(settings, chosen) as env:
            pull(chosen.ref, note, ClusterError, env)
        image = engine.image(chosen.ref)
    if image is None:
        raise ClusterError("the engine has it no more", where=chosen.ref, todo="try again")
    require_platform(engine, image, chosen.ref, ClusterError)
    return chosen.ref


@contextmanager
def _login(settings: Settings, chosen: Chosen) -> Iterator[Mapping[str, str]]:
    """Variables for a docker that pulls from a target, as for one that pushes there; the local
    registry is started, should it not run."""
    project = load(settings) if chosen.target else None
    targets = project.matrix.targets if project else ()
    target = next((one for one in targets if one.name == chosen.target), None)
    if target is None:
        yield {}
        return
    remotes = Remotes(settings=settings, project=project)
    try:
        if target.kind == LOCAL:
            ensure(settings)
        yield remotes.environment(target, chosen.ref.partition("@")[0])
    except (PublishError, RegistryError) as error:
        raise ClusterError(
            error.what, where=error.where, todo=error.todo, detail=error.detail
        ) from error
    finally:
        remotes.close()
