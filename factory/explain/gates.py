"""What the gates would do with a build: made anew or kept, judged anew or not, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from factory.model import Action, Difference, Foreseen, Gate, Status, Verdict

Parts = Mapping[str, Any]

_NOUNS = {
    "day": "the day, which the scan policy goes by,",
    "java": "whether Java archives can be told apart",
    "policy": "the policy",
    "code": "the code of the scan gate",
    "suite": "the smoke suite's code",
    "own checks": "the image's own checks",
    "compose": "the cluster's definition",
    "single containers": "how single containers are started",
    "worker image": "the workers' image",
    "budget": "the budget of the cold start",
}
_VERSIONS = {"trivy": "Trivy", "database": "the vulnerability database"}


def build_foreseen(
    *, at: str | None, first: bool, found: Sequence[Difference], fallback: str = ""
) -> Foreseen:
    """What the build gate would do, by what the ledger knows.

    Args:
        at: since when there is an image with the planned key; ``None`` if there is none.
        first: whether the build was never made.
        found: what differs from its last image.
        fallback: why it is made although no difference is known.
    """
    if at is not None:
        back = "; an image with these inputs was made before"
        why = f"{found[0].what}{back}" if found else "nothing changed"
        return Foreseen(gate="build", action=Action.KEEP, why=why, at=at)
    whys = [one.what for one in found] or ["first build" if first else fallback]
    return Foreseen(gate="build", action=Action.AGAIN, why=whys[0], more=tuple(whys[1:]))


def awaiting(gate: Gate, *builds: str) -> Foreseen:
    """What a judging gate would do where there is no image yet: of one build, or of some of a
    pair's."""
    whose = f" of {' and of '.join(builds)}" if builds else ""
    return _again(gate, f"there will be another image{whose}")


def verdict_foreseen(
    gate: Gate,
    *,
    stands: Verdict | None,
    words: str,
    latest: Verdict | None,
    now: Parts,
    then: Parts | None,
) -> Foreseen:
    """What a judging gate would do with an image that is there.

    Args:
        stands: the verdict on it on today's basis, if there is one, and ``words`` for it.
        latest: the last one, on whatever basis.
        now, then: what today's basis, and that of ``latest``, are digests of; ``None`` if that
            was not recorded.
    """
    if stands and stands.status is not Status.FAIL:
        return Foreseen(gate=gate.value, action=Action.KEEP, why=words, at=stands.at)
    if stands:
        return _again(gate, f"{words}; a failure is tried anew")
    if latest is None:
        return _again(gate, "no verdict yet")
    if then is None:
        return _again(gate, "what its verdict rested on changed, and was not recorded then")
    return _again(gate, *(basis_changes(now, then) or ["what its verdict rested on changed"]))


def basis_changes(now: Parts, then: Parts) -> list[str]:
    """A sentence for each part of a verdict's basis that differs."""
    names = dict.fromkeys((*then, *now))
    differing = [name for name in names if now.get(name) != then.get(name)]
    return [line for name in differing for line in _part(name, now.get(name), then.get(name))]


def _part(name: str, now: Any, then: Any) -> Iterator[str]:  # of JSON
    if name in _VERSIONS:
        yield _version(_VERSIONS[name], now, then)
    elif name == "gpus":
        yield f"workers {'now get' if now else 'no longer get'} GPUs"
    elif name == "expected" and isinstance(now, dict) and isinstance(then, dict):
        yield from _topology(now, then)
    elif name == "policy" and isinstance(now, dict) and isinstance(then, dict):
        fields = [field for field in {**then, **now} if now.get(field) != then.get(field)]
        yield f"the scan policy changed: {', '.join(fields)}"
    else:
        yield f"{_NOUNS.get(name, name)} changed"


def _version(what: str, now: str, then: str) -> str:
    if now and then:
        return f"{what} {then} → {now}"
    return f"{what} is {'here now' if now else 'no longer here'}"


def _topology(now: Parts, then: Parts) -> Iterator[str]:
    """The cluster that is booted, and what is expected of it."""
    for field in {**then, **now}:
        if now.get(field) != then.get(field):
            yield f"topology: {field} {then.get(field)} → {now.get(field)}"


def _again(gate: Gate, why: str, *more: str) -> Foreseen:
    return Foreseen(gate=gate.value, action=Action.AGAIN, why=why, more=more)
