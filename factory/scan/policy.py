"""What refuses an image: pure, from findings to checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from factory.model import NO_DATABASE, NO_JAVA_DATABASE, Check, CheckStatus, Status
from factory.scan.ruling import Bench, Ruling

SECRETS = "secrets"
MISCONFIGURATION = "misconfiguration"
SIZE = "size"
END_OF_LIFE = "end-of-life"
VULNERABILITIES = "vulnerabilities"
JAVA = "java-vulnerabilities"
EXEMPTIONS = "exemptions"

_SHOWN = 40
_MEBIBYTE = 2**20


def judge(bench: Bench) -> tuple[Check, ...]:
    """One check for each class of finding, always in the same order."""
    return (
        _check(SECRETS, bench.secrets(), noun="secret"),
        _check(MISCONFIGURATION, bench.misconfigurations(), noun="misconfiguration"),
        *_size(bench),
        *_by_database(bench),
        *_exemptions(bench),
    )


def status_of(checks: Iterable[Check]) -> Status:
    """FAIL if any check failed, PARTIAL if one was skipped, else PASS."""
    found = {check.status for check in checks}
    if CheckStatus.FAIL in found:
        return Status.FAIL
    return Status.PARTIAL if CheckStatus.SKIPPED in found else Status.PASS


def reasons(checks: Iterable[Check]) -> tuple[str, ...]:
    """Why checks were skipped, in the words that a target's policy may accept."""
    skipped = [one.reason for one in checks if one.status is CheckStatus.SKIPPED]
    known = (NO_DATABASE, NO_JAVA_DATABASE)
    return tuple(one for one in known if any(why.startswith(one) for why in skipped))


def _size(bench: Bench) -> Iterator[Check]:
    all_steps = sum(bench.report.sizes.values())
    whole = bench.report.size or all_steps
    mebibytes = -(-whole // _MEBIBYTE)
    sizes = sorted(bench.report.sizes.items(), key=lambda item: -item[1])
    counted = "" if whole == all_steps else " on the engine's disk"
    for budget in bench.policy.sizes:
        over = mebibytes > budget.mebibytes
        why = f"{mebibytes} MiB, of a budget of {budget.mebibytes} MiB" if over else ""
        parts = [f"{-(-size // _MEBIBYTE)} MiB from {step}{counted}" for step, size in sizes]
        lines = parts if over else []
        yield replace(_found(SIZE, why), detail=tuple(lines))


def _by_database(bench: Bench) -> Iterator[Check]:
    """What only a vulnerability database tells."""
    known, system = bench.known, bench.report.system
    if isinstance(known, str):
        if bench.policy.end_of_life:
            yield _skipped(END_OF_LIFE, f"{NO_DATABASE}: {known}")
        yield _skipped(VULNERABILITIES, f"{NO_DATABASE}: {known}")
        return
    if bench.policy.end_of_life:
        yield _found(END_OF_LIFE, f"{system} gets no fixes any more" if known.end_of_life else "")
    if not system:
        unknown = "no operating system was recognised in the image: its packages cannot be judged"
        yield _found(VULNERABILITIES, unknown)
        return
    rulings = bench.vulnerabilities()
    yield _check(VULNERABILITIES, rulings, noun="vulnerability", plural="vulnerabilities")
    if bench.report.java_skipped:
        yield _skipped(JAVA, f"{NO_JAVA_DATABASE}: `invoke db fetch` brings one")


def _exemptions(bench: Bench) -> Iterator[Check]:
    """What of the policy's exemptions covers nothing: none of it refuses, and all of it is told."""
    lines = [
        f"unused: {one.id}{f' in {one.package}' if one.package else ''}, until {one.until}"
        for one in bench.unused()
    ]
    if bench.policy.exemptions:
        yield Check(name=EXEMPTIONS, status=CheckStatus.PASS, detail=tuple(_clip(lines)))


def _found(name: str, why: str) -> Check:
    """A check that fails if there is a reason."""
    return Check(name=name, status=CheckStatus.FAIL if why else CheckStatus.PASS, reason=why)


def _skipped(name: str, why: str) -> Check:
    return Check(name=name, status=CheckStatus.SKIPPED, reason=why)


def _check(name: str, rulings: Sequence[Ruling], *, noun: str, plural: str = "") -> Check:
    refused = [str(one) for one in rulings if one.refuses]
    kept = [f"accepted: {one}" for one in rulings if not one.refuses]
    lines = tuple(_clip([*refused, *kept]))
    if not refused:
        return Check(name=name, status=CheckStatus.PASS, detail=lines)
    count = len(refused)
    reason = f"{count} {noun if count == 1 else plural or noun + 's'} refused"
    return Check(name=name, status=CheckStatus.FAIL, reason=reason, detail=lines)


def _clip(lines: list[str]) -> list[str]:
    hidden = len(lines) - _SHOWN
    return lines if hidden <= 0 else [*lines[:_SHOWN], f"… and {hidden} more"]
