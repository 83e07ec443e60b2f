"""How the scan gate's policy may be wrong, and what the user is told."""

from __future__ import annotations

from tests.bad_input.spoiling import Case, matrix, more, nothing

_GOOD = 'id: CVE-2026-1, reason: r, until: "2027-01-31"'


def _exemption(id: str, content: str, *says: str) -> Case:
    return Case(
        id=f"an exemption {id}",
        spoil=more(f"policy: {{scan: {{exemptions: [{{{content}}}]}}}}\n"),
        says=says,
    )


SCANNING = [
    _exemption("without a day", "id: CVE-2026-1, reason: r", "lacks until", "add `until:`"),
    _exemption(
        "without a reason", 'id: CVE-2026-1, until: "2027-01-31"', "lacks reason", "add `reason:`"
    ),
    _exemption("without an id", 'reason: r, until: "2027-01-31"', "lacks id", "add `id:`"),
    _exemption(
        "until no day of any month",
        'id: CVE-2026-1, reason: r, until: "2027-02-30"',
        "2027-02-30 is no day of any month",
        "write the last day on which it holds",
    ),
    _exemption(
        "until a day without quotes",
        "id: CVE-2026-1, reason: r, until: 2027-01-31",
        'write "2027-01-31"',
    ),
    _exemption("with a typo", f"{_GOOD}, image: [a]", "image", "images"),
    _exemption("for a glob of nothing", f'{_GOOD}, images: ["A/*"]', "is not a valid glob"),
    Case(
        id="grace for an unknown severity",
        spoil=more("policy: {scan: {grace_days: {terrible: 7}}}\n"),
        real=True,
        says=("terrible", "critical"),
    ),
    Case(
        id="grace that has ended before it began",
        spoil=more("policy: {scan: {grace_days: {high: -1}}}\n"),
        real=True,
        says=("grace_days", "-1"),
    ),
    Case(
        id="a budget for cells that cannot be",
        spoil=more("policy: {scan: {sizes: [{mebibytes: 9, where: {device: tpu}}]}}\n"),
        real=True,
        says=("axis device has no value 'tpu'",),
    ),
    Case(
        id="an end of life that is neither refused nor accepted",
        spoil=more("policy: {scan: {end_of_life: maybe}}\n"),
        real=True,
        says=("end_of_life", "refuse"),
    ),
    Case(
        id="a mirror with a tag",
        spoil=more('policy: {scan: {database_mirror: "mirror.example/trivy-db:2"}}\n'),
        says=("database_mirror", "is not a valid mirror"),
    ),
    Case(
        id="a target with another gate's policy",
        spoil=matrix("kind: local", "kind: local, verify: {workers: 3}"),
        says=("verify", "unknown key"),
    ),
    Case(
        id="an unknown action of db",
        args=("db", "lode"),
        spoil=nothing,
        says=("`db` cannot 'lode'", "did you mean load"),
    ),
    Case(
        id="db load without a source",
        args=("db", "load"),
        spoil=nothing,
        real=True,
        says=("load needs a source", "--source PATH"),
    ),
    Case(
        id="db load of what is not there",
        args=("db", "load", "--source", "/nonexistent"),
        spoil=nothing,
        says=("/nonexistent", "there is no database in it"),
        code=7,
    ),
    Case(
        id="scan of what was published and of a selection",
        args=("scan", "--published", "--image", "adder"),
        spoil=nothing,
        says=("--published and the selection flags exclude each other",),
    ),
]
