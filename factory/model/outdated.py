"""What there is that is newer than what the project names or has locked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Outdated:
    """One thing that is not the newest any more.

    Attributes:
        kind: ``base``: an image's tag has moved; ``ray``: a release that the matrix lacks;
            ``package``: a newer version fits; ``yanked``: the version was taken back.
        name: of the image or the package.
        now: the digest or version in use; of a Ray that is newer than all, the newest in use.
        newest: what there is instead; empty where nothing but ``reason`` is known.
        where: the file that holds ``now``, relative to the project's root.
        reason: why a version was taken back, if it was said.
        builds: the ids of what would be built anew.
    """

    kind: str
    name: str
    now: str
    newest: str = ""
    where: str = ""
    reason: str = ""
    builds: tuple[str, ...] = ()
