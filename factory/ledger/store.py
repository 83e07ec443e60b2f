"""The ledger's file: opening it, its schema, and what to say when SQLite cannot go on.

Write-ahead logging with full synchronisation: what was acknowledged is on the disk, a reader never
waits for a writer, and after a kill the next one to open the file puts it in order.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from factory.errors import ConfigError, FactoryError, MachineError

APPLICATION_ID = 0x52494C31
"""Marks the file as a ledger (``RIL1``), so that another program's database is not written to."""

SCHEMA_VERSION = 6
_BUSY_SECONDS = 30.0
_NEW_LEDGER = (
    "move the file away and run again: a new ledger is begun, and what is published already is "
    "found at its target"
)

_SINCE_2 = """
CREATE TABLE IF NOT EXISTS step (key TEXT PRIMARY KEY, parent TEXT, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS content (digest TEXT PRIMARY KEY, text BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS made (build_id TEXT PRIMARY KEY, key TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS basis (basis TEXT PRIMARY KEY, parts TEXT NOT NULL);
"""

_SINCE_3 = """
CREATE TABLE IF NOT EXISTS begun (
    key TEXT PRIMARY KEY, ref TEXT NOT NULL, reason TEXT NOT NULL, created TEXT NOT NULL
);
"""

_SINCE_4 = """
CREATE TABLE IF NOT EXISTS released (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, build_id TEXT NOT NULL, record TEXT NOT NULL
);
"""

_SINCE_5 = """
CREATE TABLE IF NOT EXISTS pushed (
    build_id TEXT NOT NULL, target TEXT NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (build_id, target)
);
CREATE TABLE IF NOT EXISTS journal (
    number INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, stage TEXT NOT NULL,
    record TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS moved (
    number INTEGER NOT NULL, place TEXT NOT NULL, PRIMARY KEY (number, place)
);
"""

_SINCE_6 = """
CREATE TABLE IF NOT EXISTS adoption (
    build_id TEXT NOT NULL, config_digest TEXT NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (build_id, config_digest)
);
"""

_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS planned (build_id TEXT PRIMARY KEY, key TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS built (key TEXT PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS verdict (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    config_digest TEXT NOT NULL, gate TEXT NOT NULL, basis TEXT NOT NULL, record TEXT NOT NULL,
    UNIQUE (config_digest, gate, basis)
);
CREATE TABLE IF NOT EXISTS publication (
    build_id TEXT NOT NULL, target TEXT NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (build_id, target)
);
{_SINCE_2}
{_SINCE_3}
{_SINCE_4}
{_SINCE_5}
{_SINCE_6}
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""

_MADE_BEFORE_2 = """
INSERT OR IGNORE INTO made
SELECT build_id, key FROM planned WHERE key IN (SELECT key FROM built);
"""
"""Of the images of a ledger of schema 1 nobody knows what they were made of; but what is planned
there and built was made."""


_RELEASED_BEFORE_4 = """
INSERT INTO released (build_id, record)
SELECT build_id, record FROM publication WHERE NOT EXISTS (SELECT * FROM released);
"""
"""Of what was published before only the last of each target is known."""

_PUSHED_BEFORE_5 = "INSERT OR IGNORE INTO pushed SELECT build_id, target, record FROM publication;"
"""Before, nothing was pushed without its floating tags being moved at once."""


def _update(version: int) -> str:
    """What brings a ledger of an older schema up to date, however often it is done."""
    first = _SINCE_2 + _MADE_BEFORE_2 if version == 1 else ""
    end = f"PRAGMA user_version = {SCHEMA_VERSION};\nCOMMIT;"
    since = _SINCE_3 + _SINCE_4 + _RELEASED_BEFORE_4 + _SINCE_5 + _PUSHED_BEFORE_5 + _SINCE_6
    return f"BEGIN IMMEDIATE;\n{first}{since}{end}"


def connect(path: Path) -> sqlite3.Connection:
    """Open the ledger's file, making it and its folder where there is none.

    Raises:
        ConfigError: the file is another program's, or of a newer factory.
        MachineError: it is damaged, or cannot be read or written.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            version = _version(connection, path)
            if version == 0:
                _create(connection, path)
            elif version < SCHEMA_VERSION:
                connection.executescript(_update(version))
            connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system raise into errors for the user."""
    try:
        yield
    except sqlite3.Error as error:
        raise _explain(error, path) from error
    except OSError as error:
        raise MachineError(
            f"the ledger cannot be opened: {error.strerror}",
            where=str(path),
            todo="make its folder writable for you, or set FACTORY_ROOT to another tree",
        ) from error


def damaged(path: Path, what: str) -> MachineError:
    """The error for a file whose content cannot be trusted."""
    return MachineError(f"the ledger is damaged: {what}", where=str(path), todo=_NEW_LEDGER)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """Which schema is there already; 0 for an empty file."""
    # In one statement, which sees one state: another process may be writing the schema.
    query = (
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master),"
        " (SELECT count(*) FROM sqlite_master WHERE type IN ('view', 'trigger'))"
        " FROM pragma_application_id, pragma_user_version"
    )
    application, version, tables, programs = connection.execute(query).fetchone()
    if application == 0 and version == 0 and tables == 0:
        return 0
    if application != APPLICATION_ID:
        raise ConfigError(
            "this is a database of another program, not a ledger", where=str(path), todo=_NEW_LEDGER
        )
    if programs:  # which would run, perhaps for ever, where a table is meant to be read
        raise damaged(path, "it has views or triggers, which no ledger has")
    if version > SCHEMA_VERSION:
        raise ConfigError(
            f"this ledger is of a newer factory (schema {version}, known here: {SCHEMA_VERSION})",
            where=str(path),
            todo="update the factory; or " + _NEW_LEDGER,
        )
    return int(version)


def _create(connection: sqlite3.Connection, path: Path) -> None:
    """Write the schema, one process at a time: two that switch to write-ahead logging at once
    fail on each other without waiting."""
    from filelock import FileLock  # its import is not worth paying on every other opening

    with FileLock(path.with_name(path.name + ".lock"), timeout=_BUSY_SECONDS):
        if not _version(connection, path):
            # Where a file system has no shared memory SQLite stays with its rollback journal,
            # which is as safe and only slower.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)


def _explain(error: sqlite3.Error, path: Path) -> FactoryError:
    # NOTADB, CORRUPT and the like end an extended code with the primary one in its low byte.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return damaged(path, str(error))
    todo = {
        sqlite3.SQLITE_FULL: "free some space on its disk",
        sqlite3.SQLITE_BUSY: "see which other factory holds it and let that end",
        sqlite3.SQLITE_READONLY: "make the file and its folder writable for you",
        sqlite3.SQLITE_CANTOPEN: "make the file and its folder readable and writable for you",
    }.get(code, _NEW_LEDGER)
    return MachineError(f"the ledger cannot be used: {error}", where=str(path), todo=todo)
