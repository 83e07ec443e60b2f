"""Images of the factory's own as an OCI layout, without the layers that Trivy has read before.

An engine gives images whole, for which it reads and hashes all of their layers: seconds of every
core, where nothing but an application's few files are new. Its BuildKit writes an image as a layout
too, and leaves out a blob that the layout has already. So a file that stands in for each known
layer is put there first. It is no layer: if Trivy knew that no longer, it would fail, and the image
be taken whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from factory import process
from factory.archive import UNREADABLE
from factory.scan import inventory, layout
from factory.trivy import Trivy

STAND_IN = b"known"
"""Neither a tar archive nor anything compressed."""

_OURS = "factory.invalid/"
"""Images of other names BuildKit might look for in a registry."""

_MOST = 4096
"""How many are remembered: as many files are written for each scan."""

_SECONDS = 3600
_ENV = {"BUILDX_BUILDER": "", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "BUILDX_GIT_INFO": "0"}


class Known:
    """The layers that a Trivy has in its cache, by their digests."""

    def __init__(self, home: Path, tool: Trivy, *, java: bool) -> None:
        """Args:
        home: Trivy's cache.
        java: whether Java archives were looked into.
        """
        self._folder = home / "known" / inventory.way(tool, java=java)

    @property
    def names(self) -> list[str]:
        """Of their blobs: the digests' digits, those that were added last first."""
        try:
            found = sorted(self._folder.iterdir(), key=lambda it: it.stat().st_mtime, reverse=True)
        except OSError:
            return []
        return [file.name for file in found]

    def add(self, digests: Iterable[str]) -> None:
        """Remember layers that were read."""
        with suppress(OSError):  # they are read once more
            self._folder.mkdir(parents=True, exist_ok=True)
            for digest in digests:
                (self._folder / digest.partition(":")[2]).touch()
            for name in self.names[_MOST:]:
                (self._folder / name).unlink(missing_ok=True)

    def forget(self) -> None:
        """Forget all of them: Trivy's cache is another one now."""
        for name in self.names:
            (self._folder / name).unlink(missing_ok=True)


def exported(refs: Sequence[str], folder: Path, known: Known) -> dict[str, layout.Image] | None:
    """Make a layout in a folder, without the layers that are known; returns its images by their
    config digests, or ``None`` where that cannot be done: not all are the factory's own, or this
    engine's BuildKit cannot write them, as it can with the containerd image store alone.
    """
    names = known.names
    if not names:
        return None
    try:
        tags = [_ours(line) for line in _inspected(refs)]
        blobs = folder / "blobs" / "sha256"
        blobs.mkdir(parents=True)
        for name in names:
            (blobs / name).write_bytes(STAND_IN)
        return layout.existing(folder, [_export(tag, folder) for tag in tags])
    except (process.ProcessFailed, *UNREADABLE, LookupError, TypeError, AttributeError):
        return None


def _inspected(refs: Sequence[str]) -> list[str]:
    argv = ["docker", "image", "inspect", "--format={{json .RepoTags}}", *refs]
    return process.run(argv, timeout=60).stdout.splitlines()


def _ours(tags: str) -> str:
    """The tag by which BuildKit finds an image in the engine: it takes no id for one. Should that
    lead to another image meanwhile, its configuration tells.

    Raises:
        LookupError: there is no tag of the factory's.
    """
    found = [tag for tag in json.loads(tags) or () if tag.startswith(_OURS)]
    return str(found[0])


def _export(tag: str, folder: Path) -> str:
    """Write one image of the engine; gives its manifest's digest."""
    with TemporaryDirectory(dir=folder.parent) as scratch:
        metadata = Path(scratch, "metadata.json")
        argv = [
            *("docker", "build", "--quiet", "--provenance=false", f"--metadata-file={metadata}"),
            *(f"--output=type=oci,tar=false,dest={folder}", "-"),
        ]
        dockerfile = f"FROM {tag}\n".encode()
        process.run(argv, env=_ENV | {"TMPDIR": scratch}, stdin=dockerfile, timeout=_SECONDS)
        said: Mapping[str, str] = json.loads(metadata.read_text("utf-8"))
        return said["containerimage.digest"]
