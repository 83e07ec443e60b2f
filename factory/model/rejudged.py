"""What is published, judged again."""

from __future__ import annotations

from dataclasses import dataclass

from factory.model.record import Publication, Status, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejudged:
    """A publication, and what the scan gate says of it today.

    Attributes:
        before: what the gate said of the image last.
        now: what it says by today's database and policy; ``None`` if it could not be judged.
        why: why not.
        new, gone: lines of findings that only ``now``, or only ``before``, has.
    """

    publication: Publication
    before: Verdict | None
    now: Verdict | None
    why: str = ""
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether it would not be published today."""
        return self.now is not None and self.now.status is Status.FAIL
