"""All that an image is made of, unpacked: each layer on its own, so that what a later one hides is
seen too; its configuration, history and manifests."""

from __future__ import annotations

import base64
import ctypes
import io
import json
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from factory import process

_CHUNK = 1 << 20
_AROUND = 60
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True, kw_only=True)
class Content:
    """An image that was taken out of the engine."""

    archive: Path

    def blobs(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Every document and layer, by its name in the archive, as unpacked chunks."""
        with tarfile.open(self.archive) as tar:
            for member in tar:
                blob = tar.extractfile(member) if member.isfile() else None
                if blob:
                    yield member.name, _unpacked(blob)

    def names(self) -> set[str]:
        """The paths in all layers, without a leading slash."""
        layers = set(self._document("manifest.json")[0]["Layers"])
        found: set[str] = set()
        for name, chunks in self.blobs():
            if name in layers:
                with tarfile.open(fileobj=_Stream(chunks), mode="r|", bufsize=_CHUNK) as layer:
                    found |= {member.name.removeprefix("./") for member in layer}
        return found

    def _document(self, name: str) -> Any:
        with tarfile.open(self.archive) as tar:
            return json.load(tar.extractfile(name) or io.BytesIO())


@contextmanager
def content(ref: str) -> Iterator[Content]:
    """An image's content for a ``with`` block."""
    with TemporaryDirectory(prefix="content-") as folder:
        archive = Path(folder, "image.tar")
        process.run(["docker", "image", "save", "--output", str(archive), ref])
        yield Content(archive=archive)


def forms(text: str) -> tuple[bytes, ...]:
    """How a text may be written: as it is, in hexadecimal digits, and within a longer text in
    base64, where it begins at any of three places."""
    raw = text.encode()
    found = [raw, raw.hex().encode()]
    for before, start in enumerate((0, 2, 3)):
        whole = (before + len(raw)) * 8 // 6
        found.append(base64.b64encode(b"\0" * before + raw)[start:whole])
    return tuple(found)


def hits(chunks: Iterable[bytes], needles: Iterable[bytes]) -> list[bytes]:
    """What stands around each needle's first place in each stretch of some bytes."""
    wanted = tuple(needles)
    overlap = max(map(len, wanted)) - 1
    found, rest = [], b""
    for chunk in chunks:
        text = rest + chunk
        for needle in wanted:
            at = text.find(needle)
            if at >= 0:
                found.append(text[max(0, at - _AROUND) : at + len(needle) + _AROUND])
        rest = text[-overlap:]
    return found


def hits_in_image(ref: str, needles: Iterable[bytes]) -> dict[str, list[bytes]]:
    """The documents and layers of an image that hold one of the needles."""
    wanted = tuple(needles)
    with content(ref) as image:
        found = {name: hits(chunks, wanted) for name, chunks in image.blobs()}
    return {name: places for name, places in found.items() if places}


def hits_in_folder(folder: Path, needles: Iterable[bytes]) -> dict[str, list[bytes]]:
    """The files below a folder that hold one of the needles, packed or not, or are named so."""
    wanted = tuple(needles)
    found = {
        str(path.relative_to(folder)): [
            *hits([str(path.relative_to(folder)).encode()], wanted),
            *_hits_in_file(path, wanted),
        ]
        for path in folder.rglob("*")
    }
    return {name: places for name, places in found.items() if places}


def _hits_in_file(path: Path, needles: tuple[bytes, ...]) -> list[bytes]:
    if not path.is_file():
        return []
    with path.open("rb") as packed:
        return hits(_unpacked(packed), needles)


def _unpacked(blob: IO[bytes]) -> Iterator[bytes]:
    chunks = iter(lambda: blob.read(_CHUNK), b"")
    first = next(chunks, b"")
    packed = _joined(first, chunks)
    if first.startswith(_GZIP):
        return _gunzipped(packed)
    return _unzstd(packed) if first.startswith(_ZSTD) else packed


def _joined(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _gunzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    unpack = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        yield unpack.decompress(chunk)
    yield unpack.flush()


class _Buffer(ctypes.Structure):
    """zstd's own ``ZSTD_inBuffer`` and ``ZSTD_outBuffer``."""

    _fields_ = (("at", ctypes.c_char_p), ("size", ctypes.c_size_t), ("done", ctypes.c_size_t))


def _unzstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """With the library that every Debian has, as its packages are packed with it: Python has none
    before 3.14."""
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_createDStream.restype = ctypes.c_void_p
    library.ZSTD_decompressStream.restype = ctypes.c_size_t
    stream = ctypes.c_void_p(library.ZSTD_createDStream())
    room = ctypes.create_string_buffer(_CHUNK)
    try:
        for chunk in chunks:
            given = _Buffer(chunk, len(chunk), 0)
            full = False
            while given.done < given.size or full:
                taken = _Buffer(ctypes.cast(room, ctypes.c_char_p), _CHUNK, 0)
                left = library.ZSTD_decompressStream(
                    stream, ctypes.byref(taken), ctypes.byref(given)
                )
                assert not library.ZSTD_isError(ctypes.c_size_t(left)), "a layer is not whole"
                full = taken.done == _CHUNK
                yield room.raw[: taken.done]
    finally:
        library.ZSTD_freeDStream(stream)


class _Stream(io.RawIOBase):
    """Chunks as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._rest) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._rest += chunk
        taken, self._rest = (
            (self._rest, b"") if size < 0 else (self._rest[:size], self._rest[size:])
        )
        return taken
