"""Whether an engine has images, asked so that it costs little however many they are.

A list of images will do, but under the containerd store an engine adds up the layers of each image
that it lists, in some 10 ms an image. Its log of events would cost nothing, but a build that moves
a tag writes no event, and the image that had the tag is gone. Inspecting takes a call an image.

What is left is a filter. An engine looks up the images that a list is to come before (``before``)
prior to anything else, and refuses with 404 if there is none of that name and digest. The filter
that it reads next (``until``) is one that it cannot read, which spares it the list. That this
engine goes about it so is seen each time, by an image that is not there: so a newer one that does
not is asked for a list instead, and never believed to have what it did not look for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from factory.connection import Connection, Refusal

_AT_ONCE = 1000
"""How many images one call asks after: an engine takes a megabyte of address."""

_UNREADABLE = "now or never"
_NONE = f"factory.invalid/none@sha256:{0:064}"
_NOT_FOUND = 404


def holds(connection: Connection, images: Mapping[str, str]) -> bool:
    """Whether the engine has every one of these images, in one call a thousand.

    ``False`` may also mean that it cannot be asked so: then list them. It does under overlay2,
    where builds have no digest to be found by, and lists are quick.

    Args:
        images: reference (``name:tag``) to the engine's id.

    Raises:
        MachineError: the engine went away.
    """
    named = (f"{ref}@{image_id}" for ref, image_id in images.items())
    return _finds(connection, [_NONE]) is False and all(
        _finds(connection, some) for some in parts(named)
    )


def parts(names: Iterable[str]) -> Iterator[list[str]]:
    """So many of them that one call can ask after each part."""
    ordered = sorted(names)
    return (ordered[at : at + _AT_ONCE] for at in range(0, len(ordered), _AT_ONCE))


def _finds(connection: Connection, named: list[str]) -> bool | None:
    """Whether it found them all, or ``None`` if its answer tells neither."""
    try:
        connection.ask("/images/json", {"before": named, "until": [_UNREADABLE]})
    except Refusal as error:
        if error.status == _NOT_FOUND:
            return False
        return True if _UNREADABLE in str(error) else None
    return None
