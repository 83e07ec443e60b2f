"""Layers are listed however they are packed; one that was made to harm breaks off, and says so."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from factory.scan.members import DAMAGED, entries
from factory.scan.tree import Entry, Kind

PLAIN = "application/vnd.oci.image.layer.v1.tar"


def header(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, **other: object) -> bytes:
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, size
    for attribute, value in other.items():
        setattr(member, attribute, value)
    return member.tobuf(tarfile.GNU_FORMAT)


def listed(folder: Path, content: bytes, packing: str = "") -> list[tuple[str, Entry]]:
    path = folder / "layer"
    path.write_bytes(content)
    return list(entries(path, PLAIN + packing))


def partly(folder: Path, content: bytes, packing: str = "") -> tuple[list[str], str]:
    """The names until it breaks off, and why it does."""
    path = folder / "layer"
    path.write_bytes(content)
    names: list[str] = []
    with pytest.raises(DAMAGED) as raised:  # noqa: PT012  # what was told before it counts
        for name, _ in entries(path, PLAIN + packing):
            names.append(name)
    return names, str(raised.value)


def tar(form: int = tarfile.PAX_FORMAT) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form, encoding="utf-8") as archive:
        for name, kind, content in (
            ("home/", tarfile.DIRTYPE, b""),
            ("home/ä" + "x" * 120, tarfile.REGTYPE, random.Random(1).randbytes(2_000_000)),
            ("home/link", tarfile.SYMTYPE, b""),
            ("home/same", tarfile.LNKTYPE, b""),
            ("dev", tarfile.CHRTYPE, b""),
            ("pipe", tarfile.FIFOTYPE, b""),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.size, member.mode, member.uid = kind, len(content), 0o4711, 7
            member.mtime, member.linkname = 5, "home/elsewhere" if not content else ""
            if name == "dev":
                member.pax_headers = {"SCHILY.xattr.security.capability": "x"}
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def raw_frames(content: bytes) -> bytes:
    """zstd that packs nothing, in two frames with one to skip between them."""

    def frame(part: bytes) -> Iterator[bytes]:
        yield b"\x28\xb5\x2f\xfd\xa0" + len(part).to_bytes(4, "little")
        blocks = [part[at : at + 2**17] for at in range(0, len(part), 2**17)]
        for at, block in enumerate(blocks, 1):
            last = at == len(blocks)
            yield (len(block) << 3 | last).to_bytes(3, "little") + block

    half = len(content) // 2
    skipped = b"\x50\x2a\x4d\x18\x03\0\0\0abc"
    return b"".join((*frame(content[:half]), skipped, *frame(content[half:])))


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "+gzip": gzip.compress,
    "+zstd": raw_frames,
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_a_layer_is_listed_however_it_is_packed(tmp_path: Path, packing: str, form: int) -> None:
    found = dict(listed(tmp_path, PACKINGS[packing](tar(form)), packing))
    assert [(name[:8], one.kind, one.size) for name, one in found.items()] == [
        ("home", Kind.FOLDER, 0),
        ("home/äxx", Kind.FILE, 2_000_000),
        ("home/lin", Kind.SYMLINK, 0),
        ("home/sam", Kind.HARDLINK, 0),
        ("dev", Kind.DEVICE, 0),
        ("pipe", Kind.OTHER, 0),
    ]
    assert {(one.mode, one.uid, one.time) for one in found.values()} == {(0o4711, 7, 5)}
    capable = [name for name, one in found.items() if one.capable]
    assert capable == (["dev"] if form == tarfile.PAX_FORMAT else [])


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_layer_that_ends_too_early_says_so(tmp_path: Path, packing: str) -> None:
    names, why = partly(tmp_path, PACKINGS[packing](tar())[:-15_000], packing)
    assert names[:1] == ["home"]
    assert why


@pytest.mark.parametrize("packing", ["+gzip", "+zstd"])
def test_what_is_not_packed_as_is_said_says_so(tmp_path: Path, packing: str) -> None:
    assert partly(tmp_path, b"not packed at all", packing)[0] == []


def test_names_may_be_written_in_any_way_and_lead_nowhere(tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    names = ["../up", "/etc/passwd", "a\x1b[2J"]
    raw = b"".join(header(name) for name in names) + header("b\udcff") + bytes(1024)
    found = [name for name, _ in listed(tmp_path, raw)]
    assert found == [*names, "b\udcff"]
    assert set(tmp_path.iterdir()) - before == {tmp_path / "layer"}


def pax(record: str, kind: bytes) -> bytes:
    length = len(record) + 4
    content = f"{length} {record}\n".encode()
    assert len(content) == length
    return header("x", kind, len(content)) + content.ljust(512, b"\0")


def test_an_attribute_for_all_that_follow_renames_nothing(tmp_path: Path) -> None:
    """Engines do not heed it, so that a file could be hidden by one."""
    raw = pax("path=innocent", tarfile.XGLTYPE) + header("root/.netrc") + bytes(1024)
    assert [name for name, _ in listed(tmp_path, raw)] == ["root/.netrc"]
    raw = pax("path=/renamed", tarfile.XHDTYPE) + header("root/.netrc") + bytes(1024)
    assert [name for name, _ in listed(tmp_path, raw)] == ["/renamed"]


HARMFUL = {
    "more than any disk holds": header("a", size=2**80),
    "less than nothing": header("a") + header("b", size=-512),
    "long names within long names": (
        (header("x", tarfile.GNUTYPE_LONGNAME, 1) + b"a" + bytes(511)) * 3_000
    ),
    "a long name without an end": header("x", tarfile.GNUTYPE_LONGNAME, 2**62),
    "a long name of many bytes": header("x", tarfile.GNUTYPE_LONGNAME, 2**26) + bytes(2**26),
    "attributes of many bytes": header("x", tarfile.XHDTYPE, 2**26) + bytes(2**26),
    "rubbish after an entry": header("a") + b"rubbish".ljust(512, b"!"),
    "half a header": header("a") + header("b")[:100],
    "nothing": b"",
}


@pytest.mark.parametrize("packing", ["", "+gzip", "+zstd"])
@pytest.mark.parametrize("content", HARMFUL.values(), ids=HARMFUL.keys())
def test_what_was_made_to_harm_breaks_off_in_a_moment(
    tmp_path: Path, content: bytes, packing: str
) -> None:
    began = time.monotonic()
    names, _ = partly(tmp_path, PACKINGS[packing](content), packing)
    assert set(names) <= {"a", "b"}
    assert time.monotonic() - began < 10


def test_a_map_of_holes_without_an_end_is_not_kept(tmp_path: Path) -> None:
    first = bytearray(header("holes", tarfile.GNUTYPE_SPARSE))
    first[482] = 1  # more of the map follows
    first[148:156] = b"%06o\0 " % (sum(first[:148]) + 8 * 32 + sum(first[156:]))
    more = (b"00000000001\0" * 42).ljust(504, b"\0") + b"\1" + bytes(7)
    names, why = partly(tmp_path, bytes(first) + more * 100_000)
    assert (names, why) == ([], "there is too much before one of its entries")


def test_memory_does_not_grow_with_the_number_of_entries(tmp_path: Path) -> None:
    path = tmp_path / "layer"
    names = (header(f"{at}/{'x' * 80}") for at in range(5_000))
    path.write_bytes(b"".join(names) + bytes(1024))
    tracemalloc.start()
    try:
        assert sum(1 for _ in entries(path, PLAIN)) == 5_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_500_000  # of what tarfile keeps by itself, it is 5 MB


def test_an_empty_layer_has_no_entries(tmp_path: Path) -> None:
    assert listed(tmp_path, bytes(1024)) == []
