"""What was published, as files for other launchers: the export room, wired to the ledger."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from threading import Thread
from time import monotonic

from factory import scan as scan_room
from factory.errors import ConfigError, MachineError, PublishError
from factory.export import Aws, Hosts, Launch, Login, Pinned, ecr_region, workflow
from factory.export.launch import slug
from factory.ledger import Ledger
from factory.matrix import near
from factory.model import Build, Cell, Content, Pair, Project, Publication, Target
from factory.model.target import LOCAL
from factory.project import load
from factory.registry import is_loopback, locate, place
from factory.remotes import Remotes
from factory.settings import Settings

_UNPACKED_SHARE = 3
"""What an image has on a disk to what it has in a registry, where nobody took it apart: a bit more
than any of ours."""

_SSH = 22
_ANSWER_SECONDS = 3.0
"""In which a host that is there takes a connection, wherever it is."""

Note = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What the user wants launched; empty is for what is found by itself.

    Attributes:
        cell: of the head and the workers; or ``head`` and ``workers`` apart; or a ``cohort``, whose
            pairs they are.
        image: which image.
        target: where it is published.
        registry: ``host[:port]`` by which the nodes reach the target, if by another name than here.
        name: the cluster's.
        longest: how many characters a name may have.
        count, cpus, memory: as of ``Launch``.
        elsewhere: whether nodes are other machines than this one.
        sized: whether the images' sizes are asked of the registry.
    """

    cell: str = ""
    head: str = ""
    workers: tuple[str, ...] = ()
    cohort: str = ""
    image: str = ""
    target: str = ""
    registry: str = ""
    name: str = ""
    longest: int = 50
    count: int = 2
    cpus: int = 2
    memory: int = 4
    elsewhere: bool = False
    sized: bool = False


@dataclass(frozen=True, kw_only=True)
class Found:
    """The project and what is known of it."""

    settings: Settings
    project: Project
    target: Target
    publications: Mapping[tuple[str, str], Publication] = field(default_factory=dict)


def launch_of(settings: Settings, wanted: Wanted, note: Note) -> Launch:
    """What is to be launched, pinned to what was published.

    Raises:
        ConfigError: a cell, cohort, image or target is not known, or they do not fit together.
        PublishError: one of the images was never published there.
        RegistryError: the registry does not say how large one is.
    """
    for what, number in (("--workers", wanted.count), ("--cpus", wanted.cpus)):
        if number < 1:
            raise ConfigError(f"{what} {number} is too few", todo="say 1 or more")
    if wanted.memory < 2:
        raise ConfigError(
            f"--memory {wanted.memory} is too little for a Ray node",
            todo="say how many GiB each node has: 2 or more",
        )
    found = _found(settings, wanted)
    head, *workers = _builds(found.project, wanted)
    apart = _apart(found.project, head, workers)
    images = {build: _pinned(found, wanted, build) for build in (head, *workers)}
    for one in images.values():
        _require_reachable(one, wanted)
    launch = Launch(
        name=_name(wanted, head),
        head=images[head],
        workers=tuple(images[one] for one in workers),
        count=wanted.count,
        cpus=wanted.cpus,
        memory=wanted.memory,
        target=found.target.name,
        apart=apart,
    )
    if apart:
        note(f"not verified together: {apart}")
    return launch


def _found(settings: Settings, wanted: Wanted) -> Found:
    project = load(settings)
    targets = {one.name: one for one in project.matrix.targets}
    if wanted.target and wanted.target not in targets:
        raise ConfigError(
            f"--target {wanted.target!r} is not in matrix.yaml", todo=near(wanted.target, targets)
        )
    target = targets[wanted.target] if wanted.target else next(iter(targets.values()))
    path = settings.state / "ledger.sqlite"
    if not path.exists():
        return Found(settings=settings, project=project, target=target)
    with Ledger.open(path) as ledger:
        known = ledger.publications()
    return Found(settings=settings, project=project, target=target, publications=known)


def _name(wanted: Wanted, head: Build) -> str:
    name = slug(wanted.name or f"{head.image}-{wanted.cohort or head.cell.id}")
    return name[: wanted.longest].rstrip("-")


# ------------------------------------------------------------------ which builds


def _builds(project: Project, wanted: Wanted) -> list[Build]:
    """The head's build, and those of its workers."""
    ways = [bool(wanted.cell), bool(wanted.cohort), bool(wanted.head or wanted.workers)]
    if sum(ways) > 1:
        raise ConfigError(
            "--cell, --cohort, and --head with --worker exclude each other",
            todo="say --cell for one image everywhere, or --head and --worker, or --cohort",
        )
    if wanted.cohort:
        return _of_cohort(project, wanted)
    matrix = project.matrix
    only = matrix.cells[0].id if len(matrix.cells) == 1 else ""
    default = matrix.latest.id if matrix.latest else only
    head = _cell(project, wanted.head or wanted.cell or default, "--head")
    workers = [_cell(project, one, "--worker") for one in wanted.workers] or [head]
    image = _image(project, wanted.image, (head, *workers))
    return [Build(image=image, cell=cell) for cell in (head, *dict.fromkeys(workers))]


def _cell(project: Project, name: str, flag: str) -> Cell:
    cells = {cell.id: cell for cell in project.matrix.cells}
    if not name:
        raise ConfigError(
            "which cell?", todo=f"name one, such as --cell {next(iter(cells), 'CELL')}"
        )
    if name not in cells:
        raise ConfigError(f"{flag} {name!r} is no cell of matrix.yaml", todo=near(name, cells))
    return cells[name]


def _image(project: Project, name: str, cells: tuple[Cell, ...]) -> str:
    """The image that is meant, which is made for all of these cells."""
    if name and name not in project.images:
        raise ConfigError(f"--image {name!r} matches no image", todo=near(name, project.images))
    fit = [
        one
        for one, image in project.images.items()
        if all(project.made_for(one, cell) for cell in cells)
    ]
    if name:
        fit = [one for one in fit if one == name]
    if not fit:
        raise ConfigError(
            f"{name or 'no image'} is {'not ' if name else ''}made for "
            + " and ".join(dict.fromkeys(cell.id for cell in cells)),
            todo="`invoke matrix` lists the builds",
        )
    if len(fit) > 1:
        raise ConfigError(
            f"several images are made for {cells[0].id}: {', '.join(fit)}",
            todo=f"say which: --image {fit[0]}",
        )
    return fit[0]


def _of_cohort(project: Project, wanted: Wanted) -> list[Build]:
    cohorts = {one.name: one for one in project.matrix.cohorts}
    if wanted.cohort not in cohorts:
        raise ConfigError(
            f"--cohort {wanted.cohort!r} is not in matrix.yaml", todo=near(wanted.cohort, cohorts)
        )
    cohort = cohorts[wanted.cohort]
    if not cohort.pairs:
        raise ConfigError(
            f"cohort {cohort.name} pairs nothing: {cohort.refused}",
            where=cohort.where,
            todo=cohort.todo or "`invoke matrix` shows what each cohort pairs",
        )
    heads = list(dict.fromkeys(head for head, _ in cohort.pairs))
    if len(heads) > 1:
        raise ConfigError(
            f"cohort {cohort.name} has {len(heads)} heads: {', '.join(one.id for one in heads)}",
            todo=f"say which: --head {heads[0].id} --worker {cohort.pairs[0][1].id}",
        )
    workers = [one for _, one in cohort.pairs]
    image = _image(project, wanted.image or cohort.image or "", (heads[0], *workers))
    return [Build(image=image, cell=cell) for cell in (heads[0], *dict.fromkeys(workers))]


def _apart(project: Project, head: Build, workers: list[Build]) -> str:
    """Why these were not verified together; empty if they were.

    Raises:
        ConfigError: they cannot work together.
    """
    known = {pair.builds for pair in project.pairs}
    strange = [one for one in workers if one != head and (head, one) not in known]
    for worker in strange:
        pair = Pair(cohort="", head=head, workers=worker)
        if pair.refused:
            raise ConfigError(
                f"{worker.cell.id} cannot join {head.cell.id}: {pair.refused}",
                todo="take cells with the same Ray and the same Python",
            )
    if not strange:
        return ""
    return f"no cohort in matrix.yaml pairs {head.cell.id} with {strange[0].cell.id}"


# ------------------------------------------------------------------ as they are published


def _pinned(found: Found, wanted: Wanted, build: Build) -> Pinned:
    one = found.publications.get((build.id, found.target.name))
    if one is None:
        elsewhere = sorted(name for name_of, name in found.publications if name_of == build.id)
        other = f", or say --target {elsewhere[0]}, where it is" if elsewhere else ""
        raise PublishError(
            f"{build.id} was never published at `{found.target.name}` from here",
            todo=f"`invoke release --image {build.image} --only {build.cell.id}`{other}",
        )
    repository = _as_nodes_see(one.repository, wanted.registry)
    pinned = Pinned(
        build=build,
        ref=place(repository, one.manifest_digest),
        tag=place(repository, one.immutable),
    )
    return _sized(found, pinned, one) if wanted.sized else pinned


def _as_nodes_see(repository: str, registry: str) -> str:
    """A repository under another name of its registry."""
    if not registry:
        return repository
    host, _, name = repository.partition("/")
    return f"{registry}/{name if locate(repository).host == host else repository}"


def _sized(found: Found, pinned: Pinned, one: Publication) -> Pinned:
    with closing(Remotes(settings=found.settings, project=found.project)) as remotes:
        manifest = remotes.client().require(one.repository, one.manifest_digest)
    layers = json.loads(manifest.content).get("layers") or ()
    packed = sum(int(layer.get("size") or 0) for layer in layers)
    known = _content(found.settings, one.config_digest)
    return replace(
        pinned,
        packed=packed,
        unpacked=sum(known.sizes.values()) if known else packed * _UNPACKED_SHARE,
        has_boto3=known is not None and "pypi boto3" in known.packages,
    )


def _content(settings: Settings, config_digest: str) -> Content | None:
    with suppress(MachineError):  # without Trivy nothing can be known
        return scan_room.kept_content(config_digest, settings.cache)
    return None


def _require_reachable(one: Pinned, wanted: Wanted) -> None:
    """Nodes elsewhere do not have this machine's loopback interface."""
    if wanted.elsewhere and is_loopback(locate(one.ref).host):
        raise ConfigError(
            f"{one.build.id} is published on this machine alone: its nodes cannot pull {one.tag}",
            todo="say by which name they reach that registry, such as --registry "
            "registry.example.org:5000, or --target for one that they reach",
        )


# ------------------------------------------------------------------ where it runs


def known_provider(name: str, **known: Aws | Hosts) -> Aws | Hosts:
    """What was said of where nodes are, by the name of the provider.

    Raises:
        ConfigError: there is no such provider.
    """
    if name not in known:
        raise ConfigError(f"--provider {name!r} is not known", todo=near(name, known))
    return known[name]


def knock(place: Aws | Hosts, note: Note, seconds: float = _ANSWER_SECONDS) -> None:
    """Tell of each host of one's own that takes no ssh, for which `ray up` would wait without end.

    That is a warning and no more, since the file may be meant for another machine.
    """
    if not isinstance(place, Hosts):
        return
    for address, why in _silent((place.head, *place.workers), seconds).items():
        note(
            f"warning: {address} {why}\n"
            f"  → see that the address is right, start sshd there or open port {_SSH}: `ray up` "
            "would wait for it without end"
        )


def _silent(addresses: Iterable[str], seconds: float) -> dict[str, str]:
    """Address to why nothing answers there. Each has a thread, which is left behind when its time
    is over: looking a name up has no limit of its own."""
    found = dict.fromkeys(addresses, f"does not answer at port {_SSH} within {seconds:g} s")
    threads = [Thread(target=_try, args=(one, found, seconds), daemon=True) for one in found]
    for thread in threads:
        thread.start()
    deadline = monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - monotonic()))
    return {address: why for address, why in found.copy().items() if why}


def _try(address: str, found: dict[str, str], seconds: float) -> None:
    """Note of a host what came of a connection, unless that is still nothing."""
    try:
        socket.create_connection((address, _SSH), timeout=seconds).close()
    except TimeoutError:
        return
    except ConnectionRefusedError:
        found[address] = f"refuses connections to port {_SSH}"
    except (socket.gaierror, UnicodeError):  # the latter where a part of a name is too long
        found[address] = "is no name that this machine can look up"
    except OSError as error:
        found[address] = f"cannot be reached at port {_SSH}: {error.strerror or error}"
    else:
        found[address] = ""


# ------------------------------------------------------------------ GitHub


def workflow_of(settings: Settings, note: Note) -> str:
    """A GitHub workflow for the project; told is where nothing that it publishes would last.

    Raises:
        ConfigError: the project is wrong.
    """
    matrix = load(settings).matrix
    # Cohorts always move together; where more than these does, no job sees all of it but one.
    one_group = matrix.together != "cohorts"
    packages = matrix.base.source != "registry"
    if not any(_lasts(target) for target in matrix.targets):
        note(
            "warning: the workflow publishes to no registry but the runner's own, which is gone "
            "when its job has ended\n"
            "  → add a target to matrix.yaml that runners reach, such as one of kind `registry`: "
            "docs/targets.md"
        )
    return workflow(_logins(matrix.targets), one_group=one_group, packages=packages)


def _lasts(target: Target) -> bool:
    """Whether what a runner publishes there is still there when the runner is not."""
    on_runner = target.kind == LOCAL or is_loopback(target.registry.partition("/")[0])
    return not on_runner and not target.promote_only


def _logins(targets: Iterable[Target]) -> tuple[Login, ...]:
    """The registries of targets that are not on the machine itself."""
    found = []
    for target in targets:
        host = target.registry.partition("/")[0]
        if not is_loopback(host):
            hub = locate(f"{target.registry}/any").host != host
            region = ecr_region(f"{host}/")
            found.append(Login(target=target.name, host="" if hub else host, region=region))
    return tuple(found)
