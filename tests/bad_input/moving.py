"""How moving floating tags may be asked for wrongly, and what the user is told."""

from __future__ import annotations

from tests.bad_input.spoiling import Case, more, nothing

MOVING = [
    Case(
        id="what is released together is no such thing",
        spoil=more("release: {together: cohort}\n"),
        says=("release", "cohorts", "images"),
    ),
    Case(
        id="an unknown key of release",
        spoil=more("release: {togehter: all}\n"),
        says=("togehter", "did you mean together?"),
    ),
    Case(
        id="publish what was begun and of a selection",
        args=("publish", "--resume", "--image", "adder"),
        spoil=nothing,
        says=("--resume and the selection flags exclude each other",),
    ),
    Case(
        id="rollback of a run that there was not",
        args=("rollback", "--run", "1234"),
        spoil=nothing,
        says=("no run '1234' moved any tags from here", "nothing was published from here"),
    ),
    Case(
        id="none of the runs",
        args=("runs", "--last", "0"),
        spoil=nothing,
        says=("--last is 0, and at least one run is shown", "such as --last 5"),
    ),
    Case(
        id="fewer runs than none",
        args=("runs", "--last", "-3"),
        spoil=nothing,
        says=("--last is -3, and at least one run is shown",),
    ),
]
