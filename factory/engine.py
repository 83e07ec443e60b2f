"""The shared edge to the Docker engine's API: looking, tagging and removing.

Building, pushing and Compose go through the ``docker`` program, which does them better. Importing
docker-py takes longer than a run that finds nothing to do, so such a run asks without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from factory import archive, presence
from factory.connection import START, Connection, Refusal
from factory.errors import MachineError

if TYPE_CHECKING:
    from docker import APIClient


_NOT_FOUND = 404


class Store(StrEnum):
    """How the engine keeps images: it decides what an inspected id is the digest of."""

    OVERLAY2 = "overlay2"
    CONTAINERD = "containerd"


class Kind(StrEnum):
    """What a run makes in an engine beside images, in the order in which it can be removed."""

    CONTAINER = "container"
    NETWORK = "network"
    VOLUME = "volume"


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """A container, network or volume; a volume's id is its name."""

    kind: Kind
    id: str
    name: str
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineImage:
    """What an image's configuration says, and the engine's own id of it (see ``config_digest``);
    layers by the digests of what is in them (diff ids), the lowest first."""

    id: str
    tags: tuple[str, ...]
    user: str
    env: tuple[str, ...]
    labels: Mapping[str, str]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    architecture: str
    size: int
    os: str = "linux"
    layers: tuple[str, ...] = ()

    @property
    def platform(self) -> str:
        """What it runs on, such as ``linux/amd64``."""
        return f"{self.os}/{self.architecture}"


class Engine:
    """A connection to the engine that the ``docker`` program uses too. Threads may share it.

    Every method may raise ``MachineError``: the engine went away, or refused.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    def connect(cls) -> Engine:
        """Connect to the engine of ``DOCKER_HOST``, else of the current Docker context.

        Raises:
            MachineError: it is down, too old, or this user may not use it.
        """
        return cls(Connection())

    @property
    def version(self) -> str:
        """The engine's, as it writes it."""
        return self._connection.version

    @property
    def _api(self) -> Any:  # docker-py's stubs leave nearly every answer untyped
        api: APIClient = self._connection.client
        return api

    def _ask(self, action: str, path: str, filters: object = None) -> Any:
        try:
            return self._connection.ask(path, filters)
        except Refusal as error:
            what = f"the Docker engine could not {action}: {error}"
            raise _Refused(what, todo=_LOOK) from error

    @cached_property
    def _info(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._ask("describe itself", "/info")
        return found

    @property
    def store(self) -> Store:
        """How it keeps images."""
        status = self._info.get("DriverStatus") or []
        drivers = [value for name, value in status if name == "driver-type"]
        containerd = any("containerd.snapshotter" in driver for driver in drivers)
        return Store.CONTAINERD if containerd else Store.OVERLAY2

    @property
    def platform(self) -> str:
        """What it runs without an emulator, such as ``linux/amd64``."""
        found = self._ask("describe itself", "/version")
        return f"{found.get('Os')}/{found.get('Arch')}"

    @property
    def compression(self) -> str | None:
        """Of the layers of what it builds: zstd where the store can keep it, else its own."""
        return "zstd" if self.store is Store.CONTAINERD else None

    @property
    def root(self) -> Path | None:
        """Where it keeps its data, if that is a folder of this machine."""
        folder = Path(self._info.get("DockerRootDir") or "/nonexistent")
        return folder if folder.is_dir() else None

    @property
    def memory(self) -> int:
        """Of the machine on which it runs containers, in bytes."""
        return int(self._info.get("MemTotal") or 0)

    @property
    def cores(self) -> int:
        """Those on which it runs containers."""
        return int(self._info.get("NCPU") or 1)

    def present(self, refs: Iterable[str]) -> set[str]:
        """Which of these references (``name:tag`` in full) the engine has, in one call."""
        wanted = set(refs)
        return wanted & {tag for image in self._list(wanted) for tag in image["RepoTags"] or ()}

    def keyed(self, label: str, refs: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Of these references, those whose images bear a label: to the image's id and the label's
        value. Under containerd the engine adds up the layers of each image that it lists, which
        takes some 10 ms an image, asked for or not.
        """
        return {
            tag: (image["Id"], image["Labels"][label])
            for image in self._list(set(refs))
            for tag in image["RepoTags"] or ()
            if label in (image["Labels"] or {})
        }

    def _list(self, refs: set[str]) -> Iterator[Mapping[str, Any]]:
        for some in presence.parts(refs):
            yield from self._ask("list images", "/images/json", {"reference": some})

    def holds(self, images: Mapping[str, str]) -> bool:
        """Whether the engine has every one of these images (reference to id), at a quarter or less
        of the CPU that listing them takes. ``False`` may also mean that it cannot be asked so.
        """
        return presence.holds(self._connection, images)

    def image(self, ref: str) -> EngineImage | None:
        """What an image says of itself, or ``None`` where the engine has no such image."""
        try:
            found = self._ask(f"inspect {ref}", f"/images/{quote(ref, safe='/:@')}/json")
        except _Refused as error:
            if isinstance(error.__cause__, Refusal) and error.__cause__.status == _NOT_FOUND:
                return None
            raise
        return _image(found)

    def bears(self, ref: str, label: str, value: str) -> bool:
        """Whether it has an image of this name whose label says this."""
        image = self.image(ref)
        return image is not None and image.labels.get(label) == value

    def config_digest(self, ref: str) -> str:
        """The digest of an image's configuration, which is the same in every store and registry.

        overlay2 uses it as the image's id. Under containerd the id is the manifest's digest, and no
        call answers with the manifest: it is picked out of the stream that would save the image,
        which is read only as far as that. It costs up to the time to read the image's layers, so
        where a builder or a registry has told the digest already, use that. Of an index, such as
        BuildKit makes to attach attestations, it is that of the image for the engine's platform.

        Raises:
            MachineError: there is no such image, or none for this platform.
        """
        found = self.image(ref)
        if not found:
            raise MachineError(f"the engine has no image {ref}", todo="build or pull it")
        if self.store is Store.OVERLAY2:
            return found.id
        manifest = self._document(ref, found.id)
        if "manifests" in manifest:
            manifest = self._document(ref, self._ours(manifest, ref))
        return str(manifest["config"]["digest"])

    def _document(self, ref: str, digest: str) -> Mapping[str, Any]:
        with _explained(f"save {ref}"):
            return archive.document(self._api.get_image(ref), digest)

    def _ours(self, index: Mapping[str, Any], ref: str) -> str:
        """The digest of an index's one image for this platform."""
        platforms = {
            str(one["digest"]): f"{one['platform'].get('os')}/{one['platform'].get('architecture')}"
            for one in index["manifests"]
            if "platform" in one
        }
        fit = [digest for digest, platform in platforms.items() if platform == self.platform]
        if len(fit) != 1:
            raise MachineError(
                f"{ref} is an index with {len(fit)} images for {self.platform}, not one",
                todo=f"pull or build it for {self.platform} alone",
            )
        return fit[0]

    def files(self, container: str, folder: str) -> Mapping[str, bytes]:
        """The ends of the files in a folder of a container, running or not, by their paths in it:
        as much of them as ``archive.ends`` takes. Empty where there is no such folder.
        """
        from docker.errors import NotFound

        try:
            with _explained(f"read {folder} of {container}"):
                chunks, _ = self._api.get_archive(container, folder)
                return archive.ends(chunks)
        except _Refused as error:
            if isinstance(error.__cause__, NotFound):
                return {}
            raise

    def tag(self, ref: str, name: str) -> None:
        """Give an image one more name (``repository:tag``)."""
        repository, _, tag = name.rpartition(":")
        with _explained(f"tag {ref} as {name}"):
            self._api.tag(ref, repository, tag)

    def remove_image(self, ref: str) -> None:
        """Take a name from an image, and the image with its last name; a missing one is fine."""
        from docker.errors import NotFound

        try:
            with _explained(f"remove {ref}"):
                self._api.remove_image(ref)
        except _Refused as error:
            if not isinstance(error.__cause__, NotFound):
                raise

    def resources(self, label: str) -> tuple[Resource, ...]:
        """Containers (stopped ones too), networks and volumes with a label, removable in order."""
        filters, action = {"label": [label]}, "list what bears a label"
        containers = self._ask(action, "/containers/json?all=1", filters)
        networks = self._ask(action, "/networks", filters)
        volumes = self._ask(action, "/volumes", filters)["Volumes"] or ()
        return (
            *(
                _resource(Kind.CONTAINER, one["Id"], one["Names"][0].lstrip("/"), one)
                for one in containers
            ),
            *(_resource(Kind.NETWORK, one["Id"], one["Name"], one) for one in networks),
            *(_resource(Kind.VOLUME, one["Name"], one["Name"], one) for one in volumes),
        )

    def remove(self, resource: Resource) -> None:
        """Remove it, running or not; one that is gone, or on its way, is fine."""
        from docker.errors import APIError

        try:
            with _explained(f"remove {resource.kind} {resource.name}"):
                if resource.kind is Kind.CONTAINER:
                    self._api.remove_container(resource.id, v=True, force=True)
                elif resource.kind is Kind.NETWORK:
                    self._api.remove_network(resource.id)
                else:
                    self._api.remove_volume(resource.id, force=True)
        except _Refused as error:
            cause = error.__cause__
            gone = isinstance(cause, APIError) and (
                cause.status_code == 404 or "already in progress" in str(cause)
            )
            if not gone:
                raise


_LOOK = "run `invoke doctor`, and see the engine's own log"


class _Refused(MachineError):
    """The engine answered with an error, which is the cause."""


@contextmanager
def _explained(action: str) -> Iterator[None]:
    from docker.errors import DockerException
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except DockerException as error:
        said = getattr(error, "explanation", None) or error
        raise _Refused(f"the Docker engine could not {action}: {said}", todo=_LOOK) from error
    except (RequestException, HTTPError, OSError) as error:
        raise MachineError(
            f"the Docker engine went away while asked to {action}: {error}", todo=START
        ) from error


def _image(found: Mapping[str, Any]) -> EngineImage:
    config = found.get("Config") or {}
    return EngineImage(
        id=found["Id"],
        tags=tuple(found.get("RepoTags") or ()),
        user=config.get("User") or "",
        env=tuple(config.get("Env") or ()),
        labels=config.get("Labels") or {},
        entrypoint=tuple(config.get("Entrypoint") or ()),
        command=tuple(config.get("Cmd") or ()),
        architecture=found.get("Architecture") or "",
        size=int(found.get("Size") or 0),
        os=found.get("Os") or "linux",
        layers=tuple((found.get("RootFS") or {}).get("Layers") or ()),
    )


def _resource(kind: Kind, identity: str, name: str, found: Mapping[str, Any]) -> Resource:
    return Resource(kind=kind, id=identity, name=name, labels=found.get("Labels") or {})
