"""Binary files made up: ledgers, archives, databases."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import strategies as st

from factory.ledger.store import connect
from factory.model import Gate

TABLES = {
    "planned": 2,
    "built": 2,
    "made": 2,
    "begun": 4,
    "step": 3,
    "content": 2,
    "basis": 2,
    "publication": 3,
    "released": 2,
    "verdict": 4,
}
_DEEP = "[" * 5_000
_BUILT = json.dumps(
    {
        "key": "k", "ref": "r", "image_id": "i", "config_digest": "c", "substituted_base": True,
        "reason": "new key", "at": "now", "seconds": 1.0,
    }
)  # fmt: skip  # a record
_VALUES = st.one_of(
    st.sampled_from(("k", "a", "b", "c", "demo:x", "x" * 3_000, "\x1b[2J", "", _BUILT, _DEEP)),
    st.sampled_from(("{}", "[]", "null", '{"a": 1e999}', '{"key": "\\ud800"}', '"', "{" * 99)),
    st.none() | st.integers(-(2**40), 2**40) | st.floats() | st.binary(max_size=9),
)
_SCRIPTS = (
    "DROP TABLE planned; CREATE VIEW planned AS WITH RECURSIVE n (x) AS"
    " (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS build_id, x AS key FROM n",
    "DROP TABLE planned; CREATE TABLE planned (other TEXT)",
    "DROP TABLE built",
    "ALTER TABLE step RENAME TO steps",
    "PRAGMA user_version = 1",
    "PRAGMA user_version = 99",
    "PRAGMA user_version = -1",
    "PRAGMA application_id = 1",
    "INSERT INTO step VALUES ('a', 'b', '{}'), ('b', 'a', '{}')",
    "CREATE TRIGGER t AFTER INSERT ON made BEGIN DELETE FROM made; END",
    "INSERT INTO planned VALUES (CAST(x'ff' AS TEXT), 'k')",
)


@st.composite
def ledgers(draw: st.DrawFn) -> tuple[list[tuple[str, list[object]]], str, float, bytes]:
    """Rows, a script that runs on the file, how much of the file is left, and what is written over
    its beginning."""
    rows: list[tuple[str, list[object]]] = []
    for table in draw(st.lists(st.sampled_from(sorted(TABLES)), max_size=2)):
        size = TABLES[table]
        rows.append((table, draw(st.lists(_VALUES, min_size=size, max_size=size))))
    if draw(st.booleans()):  # that is read, because it is planned
        rows += [("planned", ["demo:x", "k"]), ("built", ["k", draw(_VALUES)])]
    script = draw(st.sampled_from(("", "", "", *_SCRIPTS)))
    left = draw(st.sampled_from((1.0, 1.0, 1.0, 1.0, 0.9, 0.5, 0.1, 0.0)))
    over = draw(
        st.sampled_from((b"",) * 6 + (b"SQLite format 3\0", b"\xff" * 100, b"PK", b"\0" * 30))
    )
    return rows, script, left, over


def write_ledger(
    file: Path, rows: list[tuple[str, list[object]]], script: str, left: float, over: bytes
) -> None:
    """Make such a file. What SQLite itself refuses is left out."""
    file.parent.mkdir(parents=True, exist_ok=True)
    for old in file.parent.glob(f"{file.name}*"):
        old.unlink()
    connection = connect(file)
    connection.execute("PRAGMA synchronous = OFF")
    for table, values in rows:
        marks = ", ".join("?" * len(values))
        columns = "config_digest, gate, basis, record"
        place = f"verdict ({columns})" if table == "verdict" else table
        place = "released (build_id, record)" if table == "released" else place
        _tried(lambda: connection.execute(f"REPLACE INTO {place} VALUES ({marks})", values))  # noqa: B023, S608  # called at once; names of ours
    if script:
        _tried(lambda: connection.executescript(script))
    connection.close()
    raw = file.read_bytes()
    raw = over + raw[len(over) : int(len(raw) * left)]
    file.write_bytes(raw)


def _tried(call: Callable[[], object]) -> None:
    try:
        call()
    except (sqlite3.Error, OverflowError, UnicodeEncodeError):
        return


GATES = tuple(Gate)

_NAMES = st.sampled_from(
    (
        *("d/a", "d/b/c", "d/../../x", "/etc/x", "d/./a", "d/\n", "d/\udc80", "d", "", "trivy.db"),
        *("metadata.json", "db/trivy.db", "../trivy.db", "/metadata.json", "d/" + "n" * 3_000),
        *("blobs/sha256/aa", "d/é"),
    )
)
_BOTH = ("trivy.db", "metadata.json")
_META = b'{"Version": 2, "UpdatedAt": "2026-11-01T00:00:00Z"}'
_KINDS = st.sampled_from(
    (
        *(tarfile.REGTYPE,) * 6,
        *(tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE),
        *(tarfile.GNUTYPE_SPARSE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, b"Z"),
    )
)
_CONTENTS = st.sampled_from(
    (
        *(b"", b"hello", b"{}", b"[" * 3_000, b"27 size=999999\n", b"30 GNU.sparse.map=1,2,3\n"),
        *(b"\xff" * 40, _META, b"\0" * 600),
    )
)
_SIZES = st.sampled_from((None,) * 6 + (0, 1, 700, 2**33, 2**62, 2**80))


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    """A tar file of odd members, of which a few bytes may be others."""
    out = io.BytesIO()
    members = draw(
        st.lists(st.tuples(_NAMES, _KINDS, _CONTENTS, _SIZES, _NAMES), min_size=1, max_size=5)
    )
    if draw(st.booleans()):
        members = members[:1] + [(f"db/{name}", tarfile.REGTYPE, _META, None, "") for name in _BOTH]
    for name, kind, content, size, target in members:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, target
        info.size = len(content) if size is None else size
        out.write(info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape"))
        out.write(content + b"\0" * (-len(content) % 512))
    raw = bytearray(out.getvalue())
    if draw(st.integers(0, 9)) == 0:  # headers of long names, one in another
        long = tarfile.TarInfo("x")
        long.type, long.size = tarfile.GNUTYPE_LONGNAME, 1
        raw[:0] = (long.tobuf(tarfile.GNU_FORMAT) + b"a" + b"\0" * 511) * 1_500
    if draw(st.integers(0, 2)) == 0:
        for at, byte in draw(
            st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), max_size=3)
        ):
            raw[at % len(raw)] = byte
        _sum(raw)
    return bytes(raw) + b"\0" * draw(st.sampled_from((1024, 1024, 0, 17)))


def _sum(raw: bytearray) -> None:
    """Mend the checksums of headers, by which changes would be found at once."""
    for at in range(0, len(raw) - 511, 512):
        block = raw[at : at + 512]
        if block[257:262] == b"ustar":
            block[148:156] = b" " * 8
            raw[at + 148 : at + 156] = b"%06o\0 " % (sum(block) & 0o777777)


def zipped(raw: bytes, level: int) -> bytes:
    """The same as registries keep it; or, of level 9, without its end."""
    packed = gzip.compress(raw, 1, mtime=0)
    return packed[: len(packed) // 2] if level == 9 else packed
