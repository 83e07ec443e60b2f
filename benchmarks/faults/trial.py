"""One case: a publication that meets a fault, and what has to hold during it, after it, and after
it was simply run again."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.cases import FLOATING, VOUCHED, Case, Kind
from benchmarks.faults.house import NEW, OLD, SECRETS, Attempt, House, planned, registry
from benchmarks.faults.proxy import Proxy, proxying
from benchmarks.faults.vouched import EARLY, told_of, too_early
from benchmarks.faults.watcher import Seen, watching
from factory.errors import FactoryError
from factory.registry import referrers_tag

Told = tuple[str, ...]
End = Mapping[str, str | None]
"""What each tag names; by tag."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """What came of a case.

    Attributes:
        kind, fault: what was done, and what it met.
        case: all of it in words.
        ended: ``done`` where the publication got over the fault by itself, else ``explained``.
        struck: how many requests met the fault.
        looks: how often the bystander looked.
        wrong: what did not hold; empty if all did.
    """

    kind: str
    fault: str
    case: str
    ended: str
    struck: int
    looks: int
    seconds: float
    wrong: tuple[str, ...] = ()


def tried(house: House, case: Case, number: int) -> Tried:
    """Try a case with an image name of its own."""
    image, begun = f"case-{number}", time.monotonic()
    house.prepare(case.kind, image)
    evidence = _undisturbed(house, case.kind, image)
    with _temporary_folder(house.folder / f"tmp-{number}") as left:
        with _route(house, case) as (proxy, attempt_at):
            tags = tags_of(house, case.kind, image)
            with watching(registry(patient=False), tags, SECRETS) as seen:
                ended = attempted(attempt_at(image))
            struck = proxy.struck()
            bare = _bare(house, case.kind, image, proxy, evidence)
        undisturbed = Attempt(
            house=house, kind=case.kind, image=image, key=NEW, host=house.hosts[case.kind]
        )
        wrong = [*bare, *seen_wrong(house, seen), *tried_again(undisturbed), *left()]
    wrong += [] if _told(house, case.kind, image) == evidence else ["the evidence differs"]
    wrong += [] if end_of(house, case.kind, image) == wanted(house) else ["the end state differs"]
    wrong += [] if struck else ["the fault struck nothing"]
    wrong += [ended] if ended not in ("done", "explained") else []
    return Tried(
        kind=case.kind,
        fault=f"{case.fault}{' for ever' if case.lasting else ''}",
        case=case.name,
        ended=ended,
        struck=struck,
        looks=seen.looks,
        seconds=round(time.monotonic() - begun, 2),
        wrong=tuple(wrong),
    )


def _undisturbed(house: House, kind: Kind, image: str) -> Told:
    """What is told of the new image once it was published where nothing went wrong."""
    if kind not in VOUCHED:
        return ()
    Attempt(
        house=house, kind=kind, image=image, key=NEW, host=house.hosts[kind], team="plain"
    ).run()
    found = _told(house, kind, image, "plain")
    assert found, "there is evidence"
    return found


def _told(house: House, kind: Kind, image: str, team: str = "team") -> Told:
    """What is told of the new image, by what brings evidence."""
    where = f"{house.hosts[kind]}/{team}/{image}"
    return told_of(registry(), where, house.digests[NEW]) if kind in VOUCHED else ()


def _bare(house: House, kind: Kind, image: str, proxy: Proxy, evidence: Told) -> list[str]:
    """Whether floating tags moved before all evidence was there: by the order of all requests, and
    by what is there after an attempt that may have failed."""
    needed = [one for one in evidence if one.startswith("sha256:")]
    needed += [referrers_tag(house.digests[NEW])] if kind is Kind.TAGGED else []
    wrong = too_early(proxy.seen, needed, FLOATING)
    now = end_of(house, kind, image)
    moved = any(now[tag] == house.digests[NEW] for tag in planned(image, NEW).floating)
    return [*wrong, *([EARLY] if moved and _told(house, kind, image) != evidence else [])]


def wanted(house: House) -> End:
    """What the tags name after an undisturbed run."""
    old, new = house.digests[OLD], house.digests[NEW]
    build = planned("any", NEW)
    return {
        planned("any", OLD).immutable: old,
        build.immutable: new,
        **dict.fromkeys(build.floating, new),
    }


def end_of(house: House, kind: Kind, image: str) -> End:
    """What they name now, by the registry itself."""
    client = registry()
    return {name: client.head(*at) for name, at in tags_of(house, kind, image).items()}


@contextmanager
def _route(house: House, case: Case) -> Iterator[tuple[Proxy, Callable[[str], Attempt]]]:
    """The proxy in front of the target or, where the source is what fails, of that."""
    at_source = case.position.path == "/blobs/sha256:" and case.kind is Kind.BETWEEN
    upstream = house.source if at_source else house.hosts[case.kind]
    with proxying(upstream, [case.rule]) as proxy, house.reach(proxy.host):
        proxy.when_struck = house.when_struck

        def attempt(image: str) -> Attempt:
            return Attempt(
                house=house,
                kind=case.kind,
                image=image,
                key=NEW,
                host=house.hosts[case.kind] if at_source else proxy.host,
                source=proxy.host if at_source else house.source,
            )

        yield proxy, attempt


def tags_of(house: House, kind: Kind, image: str) -> dict[str, tuple[str, str]]:
    repository = f"{house.hosts[kind]}/team/{image}"
    names = [planned(image, OLD).immutable, planned(image, NEW).immutable]
    return {name: (repository, name) for name in (*names, *planned(image, NEW).floating)}


def attempted(attempt: Attempt) -> str:
    try:
        attempt.run()
    except FactoryError as error:
        text = str(error)
        if not error.todo:
            return f"no next step: {error.what}"
        return "a secret is told" if any(secret in text for secret in SECRETS) else "explained"
    except Exception as error:  # whatever escapes is what is looked for
        return f"escaped: {error!r}"
    return "done"


def seen_wrong(house: House, seen: Seen) -> list[str]:
    """What a bystander must not have seen."""
    old, new = house.digests[OLD], house.digests[NEW]
    allowed: dict[str, set[str | None]] = {
        planned("any", OLD).immutable: {old},
        planned("any", NEW).immutable: {None, new},
    }
    wrong = [
        f"{tag} named {digest}"
        for tag, digests in seen.digests.items()
        for digest in digests - allowed.get(tag, {old, new})
    ]
    return [*wrong, *(f"a secret in `{line[:60]}`" for line in seen.secrets)]


def tried_again(attempt: Attempt) -> list[str]:
    try:
        attempt.run()
    except FactoryError as error:
        return [f"run again, it failed: {error.what}"]
    return []


@contextmanager
def _temporary_folder(folder: Path) -> Iterator[Callable[[], list[str]]]:
    """A place of its own for temporary files, and what is left there."""
    folder.mkdir()
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield lambda: [f"left behind: {path.name}" for path in folder.iterdir()]
    finally:
        tempfile.tempdir = before
        with suppress(OSError):
            folder.rmdir()
