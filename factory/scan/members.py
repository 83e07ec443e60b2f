"""What is in a layer, entry by entry, of which nothing is ever written anywhere.

Who made the layer is not trusted. Memory is bounded whatever it says: of each entry only so much is
read, and nothing is kept. What engines overlook is overlooked, and nothing else: where the list
breaks off, that is told.
"""

from __future__ import annotations

import gzip
import io
import math
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from zstandard import ZstdDecompressor, ZstdError

from factory.archive import UNREADABLE
from factory.scan.tree import Entry, Kind

DAMAGED = (*UNREADABLE, zlib.error, ZstdError)
"""What reading a layer raises that is damaged, or made to harm."""

_HEADERS = 2**20
"""Bytes that may come before an entry; long names and attributes are there."""

_CHUNK = 2**20
_WINDOW = 2**27
"""Bytes of memory that what is packed with zstd may ask for: as many as zstd itself grants."""

_LARGEST = 2**63 - 1
_CAPABILITIES = "SCHILY.xattr.security.capability"
_KINDS = {
    tarfile.DIRTYPE: Kind.FOLDER,
    tarfile.SYMTYPE: Kind.SYMLINK,
    tarfile.LNKTYPE: Kind.HARDLINK,
    tarfile.CHRTYPE: Kind.DEVICE,
    tarfile.BLKTYPE: Kind.DEVICE,
    **dict.fromkeys(tarfile.REGULAR_TYPES, Kind.FILE),
}


def entries(layer: Path, media_type: str) -> Iterator[tuple[str, Entry]]:
    """The names of what is in a layer, as they are written there, and what that is.

    Args:
        layer: the file with it.
        media_type: of the layer, which ends in how it is packed.

    Raises:
        one of ``DAMAGED``, after what could be read.
    """
    with layer.open("rb") as packed:
        if media_type.endswith("+gzip"):
            with gzip.open(packed) as unpacked:
                yield from _entries(_Reader(cast(IO[bytes], unpacked)))
        elif media_type.endswith("+zstd"):
            unpacking = ZstdDecompressor(max_window_size=_WINDOW)
            with unpacking.stream_reader(packed, read_across_frames=True) as unpacked:
                yield from _entries(_Reader(cast(IO[bytes], unpacked)))
        else:
            yield from _entries(_Reader(packed, seekable=True))


class _Reader:
    """A layer as ``tarfile`` reads it: ahead only, and little before each entry."""

    def __init__(self, source: IO[bytes], *, seekable: bool = False) -> None:
        self._source = source
        self._seekable = seekable
        self._at = 0
        self.last = b""
        self.left = _HEADERS

    def read(self, size: int) -> bytes:
        self.left -= size
        if size < 0 or self.left < 0:
            raise tarfile.ReadError("there is too much before one of its entries")
        self.last = self._source.read(size)
        self._at += len(self.last)
        return self.last

    def seek(self, position: int) -> None:
        if position < self._at:
            raise tarfile.ReadError("an entry is said to have less than no bytes")
        if self._seekable:
            self._at = self._source.seek(min(position, _LARGEST))
        while self._at < position:
            skipped = len(self._source.read(min(position - self._at, _CHUNK)))
            self._at += skipped
            if not skipped:
                raise tarfile.ReadError("it ends too early")

    def tell(self) -> int:
        return self._at

    def write(self, _: bytes) -> None:
        raise io.UnsupportedOperation

    def close(self) -> None:
        """Whoever opened it closes it."""


class _Archive(tarfile.TarFile):
    """One whose members can be forgotten; ``tarfile`` keeps all that it ever read."""

    members: list[tarfile.TarInfo]


class _Ignored(dict[str, str]):
    """Attributes for all entries that follow: no engine heeds them, and so they are not kept."""

    def __setitem__(self, _name: str, _value: str, /) -> None:
        return


def _entries(reader: _Reader) -> Iterator[tuple[str, Entry]]:
    with _Archive(fileobj=reader, encoding="utf-8", pax_headers=_Ignored()) as archive:
        while member := archive.next():
            archive.members.clear()
            yield member.name, _entry(member)
            reader.left = _HEADERS
    if any(reader.last):  # ``tarfile`` ends there without a word
        raise tarfile.ReadError("what follows one of its entries is none")


def _entry(member: tarfile.TarInfo) -> Entry:
    return Entry(
        kind=_KINDS.get(member.type, Kind.OTHER),
        size=min(max(member.size, 0), _LARGEST) if member.type in tarfile.REGULAR_TYPES else 0,
        time=int(member.mtime) if math.isfinite(member.mtime) else 0,
        mode=member.mode & 0o7777,
        uid=min(max(member.uid, 0), _LARGEST),
        gid=min(max(member.gid, 0), _LARGEST),
        target=hash(member.linkname),
        capable=_CAPABILITIES in member.pax_headers,
    )
