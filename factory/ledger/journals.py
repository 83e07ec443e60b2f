"""What was pushed, what was about to move, and what is published: the ledger's part in publishing.

The journal is here and not in a file of its own: that it is finished, and what is published by
that, have to be true at the same moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from factory.ledger import store
from factory.ledger.records import Records, dump
from factory.model import UNFINISHED, Journal, Publication, Stage

_ONCE = "INSERT INTO released (build_id, record) VALUES (?, ?)"
_OPEN = "SELECT number, stage, record FROM journal WHERE stage IN (?, ?) ORDER BY number"


class Journals(Records):
    """Publishing's tables. Every method returns only when what it wrote is on the disk."""

    def record_pushed(self, publication: Publication) -> None:
        """Remember what an immutable tag names at a target, whatever its floating ones do."""
        values = (publication.build_id, publication.target, dump(Publication, publication))
        self._write("REPLACE INTO pushed VALUES (?, ?, ?)", *values)

    def pushed(self, build_id: str, target: str) -> Publication | None:
        """What was last pushed of a build to a target."""
        query = "SELECT record FROM pushed WHERE build_id = ? AND target = ?"
        return self._first(Publication, query, build_id, target)

    def known(self, repository: str, digest: str | None, target: str) -> Publication | None:
        """As what a manifest was last pushed from here to a target, if it ever was: then it had
        passed by its policy. Another target may be in the same repository."""
        where = (
            "WHERE json_extract(record, '$.repository') = ?"
            " AND json_extract(record, '$.manifest_digest') = ?"
            " AND json_extract(record, '$.target') = ?"
        )
        query = f"SELECT record FROM released {where} UNION SELECT record FROM pushed {where}"  # noqa: S608  # of ours alone
        found = self._all(Publication, query, *(repository, digest or "", target) * 2)
        return max(found, key=lambda one: one.at, default=None)

    def record_publication(self, publication: Publication) -> None:
        """Remember what a build's tags name at a target now, and that they once did."""
        self.record_publications([publication])

    def record_publications(
        self, publications: Iterable[Publication], places: Iterable[str] = ()
    ) -> None:
        """The same of several at once; with all the floating tags of their group, no journal about
        some of these has anything left to say."""
        with self._writing():
            for publication in publications:
                self._publish(publication)
            self._overtake(frozenset(places))

    def begin_journal(self, journal: Journal) -> Journal:
        """Write down what is about to move; what was begun before, and is about these tags alone,
        is overtaken by it.

        Returns:
            The journal with its number.
        """
        with self._writing():
            self._overtake(journal.places)
            row = (journal.run, journal.stage.value, dump(Journal, journal))
            insert = "INSERT INTO journal (run, stage, record) VALUES (?, ?, ?)"
            number = self._connection.execute(insert, row).lastrowid
        return replace(journal, number=number or 0)

    def mark_moved(self, number: int, place: str) -> None:
        """Remember that a tag was read back and names what it should."""
        with self._writing():
            row = (number, place)
            self._connection.execute("INSERT OR IGNORE INTO moved VALUES (?, ?)", row)

    def end_journal(self, journal: Journal) -> None:
        """Write down how far a journal has come. One that is done makes its publications those that
        count; one that is undone gives way to those of before."""
        with self._writing():
            if journal.stage is Stage.DONE:
                for publication in journal.publications:
                    self._publish(publication)
            if journal.stage is Stage.UNDONE:
                for publication in journal.publications:
                    self._unpublish(journal, publication)
            update = "UPDATE journal SET stage = ?, record = ? WHERE number = ?"
            row = (journal.stage.value, dump(Journal, journal), journal.number)
            self._connection.execute(update, row)

    def journal(self, number: int) -> Journal | None:
        """One, as it is now."""
        return next((one for one in self.journals() if one.number == number), None)

    def journals(self, run: str = "") -> tuple[Journal, ...]:
        """All of them, or those of a run, oldest first."""
        query = "SELECT number, stage, record FROM journal WHERE run = ? OR ? = '' ORDER BY number"
        return tuple(self._journal(*row) for row in self._rows(query, run, run))

    def unfinished(self) -> tuple[Journal, ...]:
        """Those whose tags may name some of the one and some of the other: of a run that was
        killed, or that is at it."""
        return tuple(self._journal(*row) for row in self._rows(_OPEN, *UNFINISHED))

    def _journal(self, number: object, stage: object, record: str) -> Journal:
        rows = self._texts("SELECT place FROM moved WHERE number = ?", str(number))
        moved = {place for (place,) in rows}
        found = self._load(Journal, record)
        moves = (replace(move, moved=move.moved or move.place in moved) for move in found.moves)
        try:
            return replace(
                found, number=int(str(number)), stage=Stage(str(stage)), moves=tuple(moves)
            )
        except ValueError as error:
            raise store.damaged(self._path, f"a journal cannot be read ({error})") from None

    def _publish(self, publication: Publication) -> None:
        self._put(publication)
        record = dump(Publication, publication)
        self._connection.execute(_ONCE, (publication.build_id, record))

    def _put(self, publication: Publication) -> None:
        row = (publication.build_id, publication.target, dump(Publication, publication))
        self._connection.execute("REPLACE INTO publication VALUES (?, ?, ?)", row)

    def _unpublish(self, journal: Journal, publication: Publication) -> None:
        """The last publication whose manifest its floating tags name again, or none; where none of
        them does, but some stay, it is still published by these."""
        before = {
            move.before
            for move in journal.moves
            if move.repository == publication.repository and move.tag in publication.floating
        }
        gone = (publication.build_id, publication.target)
        self._connection.execute("DELETE FROM publication WHERE build_id = ? AND target = ?", gone)
        query = "SELECT record FROM released WHERE build_id = ? ORDER BY seq DESC"
        rows = self._connection.execute(query, (publication.build_id,)).fetchall()
        for (record,) in rows:
            old = self._load(Publication, record)
            if old.target == publication.target and old.manifest_digest in before:
                self._put(old)
                # From now on its tags name it again, which what is collected goes by.
                again = replace(old, at=datetime.now(UTC).isoformat(timespec="seconds"))
                self._connection.execute(_ONCE, (old.build_id, dump(Publication, again)))
                return
        place = f"{publication.repository}:"
        staying = tuple(tag for tag in publication.floating if place + tag in journal.staying)
        if staying:
            self._put(replace(publication, floating=staying))

    def _overtake(self, places: frozenset[str]) -> None:
        for number, _, record in self._connection.execute(_OPEN, UNFINISHED).fetchall():
            if self._load(Journal, record).places <= places:
                update = "UPDATE journal SET stage = ? WHERE number = ?"
                self._connection.execute(update, (Stage.OVERTAKEN.value, number))
