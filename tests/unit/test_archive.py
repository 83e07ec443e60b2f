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


def folder_of(*members: tuple[str, bytes | str]) -> bytes:
    """An archive of files, by name, and of links, by name and target."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, content in (("logs", b""), *members):
            member = tarfile.TarInfo(name)
            if name == "logs":
                member.type = tarfile.DIRTYPE
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
            else:
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content if isinstance(content, bytes) else b""))
    return stream.getvalue()


@pytest.mark.parametrize("size", [511, 512, 10**7])
def test_the_files_of_a_folder_are_found_by_their_paths_in_it(size: int) -> None:
    whole = folder_of(("logs/raylet.out", b"one"), ("logs/events/a.log", b"two"))
    assert archive.ends(pieces(whole, size)) == {"raylet.out": b"one", "events/a.log": b"two"}


def test_of_a_long_file_the_end_is_kept() -> None:
    long = b"x" * archive.END_BYTES * 3 + b"the end"
    found = archive.ends([folder_of(("logs/a", long), ("logs/b", b"next"))])
    assert len(found["a"]) == archive.END_BYTES
    assert found["a"].endswith(b"the end")
    assert found["b"] == b"next"


def test_no_path_leads_out_and_no_link_is_followed() -> None:
    odd = folder_of(
        ("logs/../../etc/passwd", b"x"),
        ("/etc/shadow", b"x"),
        ("logs/\x1b[31m", b"x"),
        ("logs/link", "/etc/passwd"),
        ("logs/good", b"kept"),
    )
    assert archive.ends([odd]) == {"good": b"kept"}


def test_what_is_kept_in_all_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "KEPT_BYTES", 5)
    found = archive.ends([folder_of(("logs/a", b"xxx"), ("logs/b", b"yyy"), ("logs/c", b"zzz"))])
    assert found == {"a": b"xxx", "b": b"yy"}


def test_no_more_is_read_than_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_READ_BYTES", 4096)
    many = folder_of(*((f"logs/{at}", b"x" * 1000) for at in range(100)))
    assert 0 < len(archive.ends(pieces(many, 512))) < 5


@pytest.mark.parametrize("content", [b"", b"not an archive" * 100])
def test_a_folder_that_cannot_be_read_has_no_files(content: bytes) -> None:
    assert archive.ends([content]) == {}


def header(name: str, kind: bytes, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, size
    return member.tobuf(tarfile.GNU_FORMAT)


ENDLESS = {
    "more than any disk holds": header("logs/a", tarfile.REGTYPE, 2**80),
    "long names within long names": (
        (header("x", tarfile.GNUTYPE_LONGNAME, 1) + b"a" + bytes(511)) * 2_000
    ),
    "a long name without an end": header("x", tarfile.GNUTYPE_LONGNAME, 2**62),
}


@pytest.mark.parametrize("content", ENDLESS.values(), ids=ENDLESS.keys())
def test_what_is_made_to_take_for_ever_is_left_out(content: bytes) -> None:
    assert archive.ends([content]) in ({}, {"a": b""})
    with pytest.raises(MachineError) as raised:
        archive.document([content], WANTED)
    assert raised.value.todo


def test_a_file_of_nothing_but_holes_is_left_out() -> None:
    holes = bytearray(header("logs/a", tarfile.GNUTYPE_SPARSE, 0))
    holes[483:495] = b"77777777777\0"  # its size once it is unpacked
    holes[148:156] = b" " * 8
    holes[148:156] = b"%06o\0 " % sum(holes)
    assert archive.ends([bytes(holes) + folder_of(("logs/b", b"kept"))]) == {"b": b"kept"}
