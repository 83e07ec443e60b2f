"""What of evidence is read first, and what has had its day, by what lists of it say."""

from __future__ import annotations

from factory.evidence.annotations import ABOUT, CREATED, SIGNER, STATED, first, superseded
from factory.registry import Descriptor


def entry(about: str, day: int, signer: str = "key", kind: str = "statement") -> Descriptor:
    """A statement of a day; day 0 is none."""
    said = {
        ABOUT: about,
        SIGNER: signer,
        CREATED: f"2026-01-{day:02}T00:00:00+00:00" if day else "",
        STATED: f"{about} {day}",
    }
    return Descriptor(
        media_type="manifest",
        digest=f"{about} {day} {signer} {kind}",
        size=1,
        artifact_type=kind,
        annotations={name: value for name, value in said.items() if value},
    )


def gone(listed: list[Descriptor], sent: list[Descriptor], *stated: Descriptor) -> list[str]:
    holds = [one.annotations[STATED] for one in (*sent, *stated)]
    return [one.digest for one in superseded(listed, sent, holds)]


def test_of_what_is_older_all_but_the_newest_goes_the_oldest_first() -> None:
    listed = [entry("scan", day) for day in (3, 1, 2)]
    assert gone(listed, [entry("scan", 4)]) == [listed[1].digest, listed[2].digest]


def test_what_was_attached_by_others_or_is_about_something_else_stays() -> None:
    others = [
        *(entry("scan", day, signer="other") for day in (1, 2)),
        *(entry("scan", day, signer="") for day in (1, 2)),
        *(entry("scan at prod", day) for day in (1, 2)),
        *(entry("scan", day, kind="application/x") for day in (1, 2)),
        *(Descriptor(media_type="manifest", digest=f"{n}", size=1) for n in range(3)),
    ]
    assert gone(others, [entry("scan", 4)]) == []


def test_without_anything_newer_nothing_goes() -> None:
    listed = [entry("scan", day) for day in (1, 2, 3)]
    assert gone(listed, []) == []
    assert gone(listed, [entry("verify", 4)]) == []
    assert gone(listed, [entry("scan", 1)]) == [], "another publisher was here, and is ahead"
    assert gone([*listed, entry("scan", 0)], [entry("scan", 3)]) == [listed[0].digest]


def test_what_is_of_the_same_moment_stays() -> None:
    listed = [entry("build", 1) for _ in range(3)]
    assert gone(listed, [entry("build", 1)]) == []


def test_of_verdicts_on_an_image_with_others_the_last_sixteen_stay_and_all_that_hold() -> None:
    listed = [entry(f"verify with others ({day})", day) for day in range(1, 21)]
    new = entry("verify with others (30)", 30)
    assert gone(listed, [new]) == [one.digest for one in listed[:5]]
    assert gone(listed, [new], listed[0]) == [one.digest for one in listed[1:5]]


def test_the_newest_of_each_matter_is_read_first() -> None:
    scans = [entry("scan", day) for day in range(1, 9)]
    listed = [entry("build", 1), *scans, entry("verify", 2)]
    read, rest = first(listed, 4)
    assert {one.digest for one in read} == {
        one.digest for one in (listed[0], listed[-1], scans[-1], scans[-2])
    }
    assert {one.digest for one in rest} == {one.digest for one in scans[:-2]}
    assert first(listed, len(listed)) == (listed, [])


def test_what_does_not_tell_when_or_what_it_is_is_among_the_first() -> None:
    silent = Descriptor(media_type="manifest", digest="silent", size=1)
    listed = [*(entry("scan", day) for day in (1, 2, 3)), silent, entry("scan", 0)]
    read, _ = first(listed, 3)
    assert [one.annotations.get(CREATED, "")[:10] for one in read] == ["", "", "2026-01-03"]
