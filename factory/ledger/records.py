"""Rows of the ledger's file as values of ``model.py``, in and out."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from factory.ledger import store

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")


_adapters: dict[type[Any], TypeAdapter[Any]] = {}


def _adapter(kind: type[T]) -> TypeAdapter[T]:
    from pydantic import TypeAdapter  # an empty ledger is read without paying for it

    return _adapters.get(kind) or _adapters.setdefault(kind, TypeAdapter(kind))


def dump(kind: type[T], value: T) -> str:
    """A value as it is kept."""
    return _adapter(kind).dump_json(value).decode()


class Records:
    """The file, for those who know its tables. Threads may share it."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._lock = threading.Lock()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """All of a ``with`` block, or nothing."""
        with self._lock, store.explained(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _write(self, statement: str, *values: str) -> None:
        with self._lock, store.explained(self._path):
            self._connection.execute(statement, values)

    def _rows(self, query: str, *values: str) -> list[Any]:
        with self._lock, store.explained(self._path):
            return self._connection.execute(query, values).fetchall()

    def _texts(self, query: str, *values: str) -> list[Any]:
        """Rows of texts: SQLite keeps anything in any column."""
        rows = self._rows(query, *values)
        if not all(isinstance(value, str) for row in rows for value in row):
            raise store.damaged(self._path, "a text is none")
        return rows

    def _all(self, kind: type[T], query: str, *values: str) -> list[T]:
        return [self._load(kind, text) for (text,) in self._rows(query, *values)]

    def _first(self, kind: type[T], query: str, *values: str) -> T | None:
        return next(iter(self._all(kind, query, *values)), None)

    def _load(self, kind: type[T], text: str) -> T:
        try:
            return _adapter(kind).validate_json(text)
        except ValueError as error:  # pydantic's ValidationError is one
            what = str(error).splitlines()[0]
            raise store.damaged(self._path, f"a record is not what it should be ({what})") from None
