"""A document is found in a streamed archive, whatever the pieces it arrives in."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

import pytest

from factory import archive
from factory.errors import MachineError

WANTED = "sha256:" + "2" * 64


def saved(**blobs: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for digit, content in blobs.items():
            member = tarfile.TarInfo(f"blobs/sha256/{digit[1:] * 64}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


@pytest.mark.parametrize("size", [1, 511, 512, 10_000, 10**7])
def test_the_document_is_found_in_pieces_of_any_size(size: int) -> None:
    whole = saved(_1=b"layer" * 3000, _2=b'{"config": {}}', _3=b"layer")
    assert archive.document(pieces(whole, size), WANTED) == {"config": {}}


def test_what_comes_after_it_is_not_asked_for() -> None:
    def stream() -> Iterator[bytes]:
        yield saved(_2=b"{}", _3=b"x" * 2**21)[: 2**20]
        raise AssertionError("read on")

    assert archive.document(stream(), WANTED) == {}


@pytest.mark.parametrize("content", [b"", b"not an archive" * 100, saved(_1=b"{}")])
def test_an_archive_without_it_is_an_error(content: bytes) -> None:
    with pytest.raises(MachineError):
        archive.document([content], WANTED)


def test_a_document_that_is_not_json_is_an_error() -> None:
    with pytest.raises(MachineError, match="cannot be read"):
        archive.document([saved(_2=b"<html>")], WANTED)
