"""How a promotion, a retention policy or a collection may be wrong, and what the user is told."""

from __future__ import annotations

from tests.bad_input.spoiling import Break, Case, matrix, nothing


def _retention(content: str) -> Break:
    return matrix("{kind: local}", f"{{kind: local, retention: {{{content}}}}}")


PROMOTION = [
    Case(
        id="a promotion from nowhere",
        spoil=nothing,
        args=("promote",),
        says=("--from names no target", "use one of local"),
    ),
    Case(
        id="a promotion to nowhere",
        spoil=nothing,
        args=("promote", "--from", "local"),
        says=("--to names no target", "use one of local"),
    ),
    Case(
        id="a promotion from a target that there is not",
        spoil=nothing,
        args=("promote", "--from", "locl", "--to", "local"),
        says=("there is no target 'locl', which --from names", "did you mean local?"),
        real=True,
    ),
    Case(
        id="a promotion to a target that there is not",
        spoil=nothing,
        args=("promote", "--from", "local", "--to", "$(id)"),
        says=("which --to names", "known: local"),
    ),
    Case(
        id="a promotion to where it comes from",
        spoil=nothing,
        args=("promote", "--from", "local", "--to", "local"),
        says=("`local` and `local` are one and the same place", "name two targets that differ"),
    ),
    Case(
        id="a collection at no target",
        spoil=nothing,
        args=("gc",),
        says=("--target names no target", "use one of local"),
    ),
    Case(
        id="a collection at a target that there is not",
        spoil=nothing,
        args=("gc", "--target", "prod", "--apply"),
        says=("there is no target 'prod', which --target names", "known: local"),
    ),
    Case(
        id="a collection without a policy",
        spoil=nothing,
        args=("gc", "--target", "local"),
        says=("`local` has no retention policy", "keep_days"),
    ),
    Case(
        id="days before today",
        spoil=_retention("keep_days: -1"),
        says=("keep_days", "-1"),
    ),
    Case(
        id="none of the last kept",
        spoil=_retention("keep_last: 0"),
        says=("keep_last", "0"),
    ),
    Case(
        id="a cell that ends in another way",
        spoil=_retention("ended: delete"),
        says=("ended", "delete", "keep"),
    ),
    Case(
        id="retention with a typo",
        spoil=_retention("keep_day: 3"),
        says=("unknown key 'keep_day'", "did you mean keep_days"),
    ),
]
