"""Databases of a test's or a bench's own, in the formats that Trivy opens. That of vulnerabilities
is bbolt (read from go.etcd.io/bbolt's page.go and bucket.go): every bucket is one leaf page, as
long as it must be."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from struct import pack
from typing import Any

_PAGE = 4096
_META, _LEAF, _FREELIST = 0x04, 0x02, 0x10
_MAGIC, _VERSION = 0xED0CDAED, 2

Tree = Mapping[str, Any]


def write(cache: Path, tree: Tree, updated_at: datetime | None = None) -> None:
    """Put a database into Trivy's cache folder.

    Args:
        tree: buckets are mappings whose values are all mappings; a leaf is ``{"": document}``.
    """
    folder = cache / "db"
    folder.mkdir(parents=True)
    (folder / "trivy.db").write_bytes(_file(tree))
    moment = (updated_at or datetime.now(UTC)).isoformat().replace("+00:00", "Z")
    times = dict.fromkeys(("UpdatedAt", "DownloadedAt", "NextUpdate"), moment)
    (folder / "metadata.json").write_text(json.dumps({"Version": 2} | times))


def write_java(cache: Path, archives: Mapping[str, tuple[str, str, str]] | None = None) -> None:
    """Put a database of Java archives into Trivy's cache folder, in the format of its schema 1
    (read from trivy-java-db's pkg/db/db.go).

    Args:
        archives: SHA-1 of a file to its group, artifact and version.
    """
    folder = cache / "java-db"
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / "trivy-java.db")) as file, file:
        file.execute("CREATE TABLE artifacts(id INTEGER PRIMARY KEY, group_id, artifact_id)")
        file.execute(
            "CREATE TABLE indices(artifact_id INTEGER, version TEXT, sha1 BLOB, archive_type TEXT)"
        )
        for at, (sha1, (group, artifact, version)) in enumerate((archives or {}).items()):
            file.execute("INSERT INTO artifacts VALUES (?, ?, ?)", (at, group, artifact))
            index = (at, version, bytes.fromhex(sha1), "jar")
            file.execute("INSERT INTO indices VALUES (?, ?, ?, ?)", index)
    moment = datetime.now(UTC).isoformat()
    times = dict.fromkeys(("UpdatedAt", "DownloadedAt", "NextUpdate"), moment)
    (folder / "metadata.json").write_text(json.dumps({"Version": 1} | times))


def _file(tree: Tree) -> bytes:
    pages = bytearray()
    root = _bucket(tree, pages)
    high_water = 3 + len(pages) // _PAGE
    metas = [
        _page(number, _META, 0, _meta(root, high_water, transaction=number)) for number in (0, 1)
    ]
    return b"".join([*metas, _page(2, _FREELIST, 0, b""), bytes(pages)])


def _bucket(tree: Tree, pages: bytearray) -> int:
    """Write a bucket, its children first; returns the number of its page."""
    items = []
    for key, value in sorted((key.encode(), value) for key, value in tree.items()):
        if "" in value:
            items.append((0, key, json.dumps(value[""]).encode()))
        else:
            items.append((1, key, pack("<QQ", _bucket(value, pages), 0)))
    number = 3 + len(pages) // _PAGE
    elements, content, at = bytearray(), bytearray(), 16 * len(items)
    for flags, key, value in items:
        elements += pack("<IIII", flags, at + len(content) - len(elements), len(key), len(value))
        content += key + value
    pages += _page(number, _LEAF, len(items), bytes(elements + content))
    return number


def _page(number: int, flags: int, count: int, body: bytes) -> bytes:
    overflow = (16 + len(body) - 1) // _PAGE
    whole = pack("<QHHI", number, flags, count, overflow) + body
    return whole.ljust((overflow + 1) * _PAGE, b"\0")


def _meta(root: int, high_water: int, transaction: int) -> bytes:
    body = pack("<IIIIQQQQQ", _MAGIC, _VERSION, _PAGE, 0, root, 0, 2, high_water, transaction)
    checksum = 0xCBF29CE484222325
    for byte in body:
        checksum = (checksum ^ byte) * 0x100000001B3 % 2**64
    return body + pack("<Q", checksum)
