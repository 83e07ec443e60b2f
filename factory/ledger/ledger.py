"""What the factory remembers, as values of ``model.py`` in and out."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from factory.ledger import store
from factory.ledger.journals import Journals
from factory.ledger.records import dump
from factory.model import (
    Adoption,
    Begun,
    Built,
    Chain,
    Gate,
    PairRecord,
    Publication,
    Record,
    StepRecord,
    Trace,
    Verdict,
)


class Ledger(Journals):
    """The record in one SQLite file. Threads may share it; processes may open it side by side.

    Every method may raise ``MachineError``: the file is damaged, its disk is full, it is locked.
    A method that recorded something returns only when it is on the disk.
    """

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Ledger]:
        """Open the record at ``path`` for a ``with`` block, beginning one where there is none.

        Raises:
            ConfigError: the file is another program's, or of a newer factory.
            MachineError: the file is damaged, or cannot be read or written.
        """
        connection = store.connect(path)
        try:
            yield cls(connection, path)
        finally:
            connection.close()

    def record_planned(self, keys: Mapping[str, str]) -> None:
        """Remember with which key each build (by id) is planned now."""
        with self._writing():
            self._connection.executemany("REPLACE INTO planned VALUES (?, ?)", keys.items())

    def record_begun(self, begun: Begun) -> None:
        """Remember that a step is about to be made: should this process be killed before it can say
        more, the image that it made is known for its work."""
        values = (begun.key, begun.ref, begun.reason, begun.created)
        self._write("REPLACE INTO begun VALUES (?, ?, ?, ?)", *values)

    def record_built(self, built: Built, trace: Trace | None = None) -> None:
        """Remember that a step is in the engine, and what it was made of."""
        with self._writing():
            values = (built.key, dump(Built, built))
            self._connection.execute("REPLACE INTO built VALUES (?, ?)", values)
            self._connection.execute("DELETE FROM begun WHERE key = ?", (built.key,))
            self._trace(trace or Trace())

    def record_made(self, trace: Trace) -> None:
        """Remember which builds an image is that is there already, and what it was made of."""
        with self._writing():
            self._trace(trace)

    def record_verdict(self, verdict: Verdict, parts: Mapping[str, object] | None = None) -> None:
        """Remember what a gate said; it becomes the latest of its gate for this image.

        Args:
            parts: what the verdict's basis is a digest of, by name.
        """
        verdicts = "REPLACE INTO verdict (config_digest, gate, basis, record) VALUES (?, ?, ?, ?)"
        image, gate, basis = verdict.config_digest, verdict.gate.value, verdict.basis
        with self._writing():
            self._connection.execute(verdicts, (image, gate, basis, dump(Verdict, verdict)))
            if parts is not None:
                known = (basis, json.dumps(parts))
                self._connection.execute("INSERT OR IGNORE INTO basis VALUES (?, ?)", known)

    def record_adoption(self, adoption: Adoption) -> None:
        """Remember how an image that was made by hand differs from the one it stands for."""
        values = (adoption.build_id, adoption.config_digest, dump(Adoption, adoption))
        self._write("REPLACE INTO adoption VALUES (?, ?, ?)", *values)

    def adoptions(self) -> tuple[Adoption, ...]:
        """All that were recorded, by build."""
        query = "SELECT record FROM adoption ORDER BY build_id, rowid"
        return tuple(self._all(Adoption, query))

    def planned(self) -> dict[str, str]:
        """Build id to the key that it was last planned with."""
        return dict(self._texts("SELECT build_id, key FROM planned ORDER BY build_id"))

    def expected(self) -> dict[str, str]:
        """The images of all builds as they were planned last, as far as they were made: reference
        to id. Read without the types that records are checked by, which takes longer to load."""
        query = (
            "SELECT json_extract(record, '$.ref'), json_extract(record, '$.image_id') FROM built"
            " WHERE key IN (SELECT key FROM planned)"
        )
        return {str(ref): str(image_id) for ref, image_id in self._rows(query)}

    def built(self, key: str) -> Built | None:
        """The step with this key, if it was ever built here."""
        return self._first(Built, "SELECT record FROM built WHERE key = ?", key)

    def begun(self, key: str) -> Begun | None:
        """The step with this key, if it was begun and nothing was ever said of its end."""
        return next((one for one in self.all_begun() if one.key == key), None)

    def all_begun(self) -> tuple[Begun, ...]:
        """All such steps; some may never have come to be."""
        rows = self._texts("SELECT key, ref, reason, created FROM begun ORDER BY key")
        return tuple(
            Begun(key=key, ref=ref, reason=reason, created=created)
            for key, ref, reason, created in rows
        )

    def all_built(self) -> dict[str, Built]:
        """Every step that was built here, by key."""
        return {built.key: built for built in self._all(Built, "SELECT record FROM built")}

    def made(self) -> dict[str, str]:
        """Build id to the key of the image that was last made, adopted or found for it."""
        return dict(self._texts("SELECT build_id, key FROM made ORDER BY build_id"))

    def traced(self) -> set[str]:
        """The keys of the steps of which it is known what they were made of."""
        return {key for (key,) in self._texts("SELECT key FROM step")}

    def chain(self, key: str) -> Chain:
        """What the image with this key was made of, base first; empty where that is not known."""
        query = (
            "WITH RECURSIVE chain (key, record, parent, depth) AS ("
            " SELECT key, record, parent, 0 FROM step WHERE key = ?"
            " UNION ALL SELECT step.key, step.record, step.parent, depth + 1"
            " FROM step JOIN chain ON step.key = chain.parent"
            " WHERE depth < 1000"  # where a ledger was tampered with, they may go in a circle
            ") SELECT record FROM chain ORDER BY depth DESC"
        )
        found = tuple(self._all(StepRecord, query, key))
        return found if found and found[0].parent is None else ()

    def content(self, digest: str) -> str | None:
        """The text that an input is the digest of, if it was recorded."""
        rows = self._rows("SELECT text FROM content WHERE digest = ?", digest)
        try:
            return zlib.decompress(rows[0][0]).decode() if rows else None
        except (zlib.error, TypeError, ValueError) as error:
            raise store.damaged(self._path, f"a text cannot be read ({error})") from None

    def parts(self, basis: str) -> dict[str, Any] | None:
        """What a verdict's basis is a digest of, by name, if it was recorded."""
        rows = self._rows("SELECT parts FROM basis WHERE basis = ?", basis)
        return self._load(dict[str, Any], rows[0][0]) if rows else None

    def verdict(self, gate: Gate, config_digest: str, basis: str) -> Verdict | None:
        """What a gate said of an image on exactly this basis."""
        query = "SELECT record FROM verdict WHERE config_digest = ? AND gate = ? AND basis = ?"
        return self._first(Verdict, query, config_digest, gate.value, basis)

    def latest_verdict(self, gate: Gate, config_digest: str, target: str = "") -> Verdict | None:
        """What a gate said last of an image, on whatever basis: by everybody's policy, or by a
        target's own."""
        return next(reversed(self.verdicts_of(gate, config_digest, target)), None)

    def verdicts_of(self, gate: Gate, config_digest: str, target: str = "") -> list[Verdict]:
        """Everything that a gate said of an image, by everybody's policy or by a target's own,
        oldest first."""
        query = "SELECT record FROM verdict WHERE config_digest = ? AND gate = ? ORDER BY seq"
        found = self._all(Verdict, query, config_digest, gate.value)
        return [one for one in found if one.target == target]

    def verdicts(self) -> dict[tuple[Gate, str, str], Verdict]:
        """Every verdict by everybody's policy, by (gate, config digest, basis), oldest first."""
        found = self._all(Verdict, "SELECT record FROM verdict ORDER BY seq")
        return {(one.gate, one.config_digest, one.basis): one for one in found if not one.target}

    def publication(self, build_id: str, target: str) -> Publication | None:
        """What a build's tags were last made to name at a target."""
        query = "SELECT record FROM publication WHERE build_id = ? AND target = ?"
        return self._first(Publication, query, build_id, target)

    def publications(self) -> dict[tuple[str, str], Publication]:
        """Every publication by (build id, target)."""
        found = self._all(Publication, "SELECT record FROM publication ORDER BY build_id, target")
        return {(one.build_id, one.target): one for one in found}

    def releases(self, build_id: str) -> tuple[Publication, ...]:
        """All that was ever published of a build, oldest first."""
        query = "SELECT record FROM released WHERE build_id = ? ORDER BY seq"
        return tuple(self._all(Publication, query, build_id))

    def records(self) -> tuple[Record, ...]:
        """All that is known, per build in the order of their ids: what ``invoke status`` shows."""
        built = self.all_built()
        latest = {(one.config_digest, one.gate): one for one in self.verdicts().values()}
        published: dict[str, list[Publication]] = {}
        for one in self.publications().values():
            published.setdefault(one.build_id, []).append(one)
        return tuple(
            _record(build_id, key, built.get(key), latest, published.get(build_id, []))
            for build_id, key in self.planned().items()
        )

    def pair_records(self) -> tuple[PairRecord, ...]:
        """What was said last of each two images that are those of builds now."""
        of = {one.built.config_digest: one.build_id for one in self.records() if one.built}
        latest = {one.images: one for one in self.verdicts().values() if one.images}
        return tuple(
            PairRecord(head=of[images[0]], workers=of[images[1]], verdict=verdict)
            for images, verdict in latest.items()
            if of.keys() >= set(images)
        )

    def _trace(self, trace: Trace) -> None:
        run = self._connection.executemany
        steps = ((one.key, one.parent, dump(StepRecord, one)) for one in trace.steps)
        run("INSERT OR IGNORE INTO step VALUES (?, ?, ?)", steps)
        texts = ((digest, zlib.compress(it.encode())) for digest, it in trace.contents.items())
        run("INSERT OR IGNORE INTO content VALUES (?, ?)", texts)
        run("REPLACE INTO made VALUES (?, ?)", trace.made.items())


def _record(
    build_id: str,
    key: str,
    built: Built | None,
    latest: Mapping[tuple[str, Gate], Verdict],
    published: list[Publication],
) -> Record:
    judged = [latest.get((built.config_digest, gate)) for gate in Gate] if built else []
    return Record(
        build_id=build_id,
        key=key,
        built=built,
        verdicts=tuple(verdict for verdict in judged if verdict),
        publications=tuple(published),
    )
