"""What ``--format json`` prints: plain data, its shape described in ``docs/json.md``. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from factory.model import (
    Build,
    ColdStart,
    Explanation,
    Finding,
    Foreseen,
    Journal,
    Judged,
    Matrix,
    Naming,
    Outcome,
    Pair,
    PairExplanation,
    PairRecord,
    Plan,
    PlannedBuild,
    Record,
    Target,
    Verdict,
)
from factory.report.coldstarts import cold_start_document, timing_document
from factory.report.moves import move_document
from factory.report.results import pair_results, results, totals

Document = dict[str, Any]
_NONE: Mapping[str, str] = MappingProxyType({})


def matrix(spec: Matrix, builds: Sequence[Build], pairs: Sequence[Pair] = ()) -> Document:
    """The cells of some builds, what is verified together, and what the matrix excludes."""
    cells = dict.fromkeys(build.cell for build in builds)
    return {
        "cells": [
            {"id": cell.id, "axes": cell.axes, "latest": cell == spec.latest} for cell in cells
        ],
        "builds": [build.id for build in builds],
        "pairs": [_pair(pair) for pair in pairs],
        "cohorts": [
            {"name": one.name, "refused": one.refused, "where": one.where} for one in spec.cohorts
        ],
        "excluded": [
            {"id": one.cell.id, "reason": one.reason, "where": one.where} for one in spec.excluded
        ],
        "targets": [_target(target) for target in spec.targets],
    }


def _target(target: Target) -> Document:
    naming = target.naming or Naming()
    return {
        "name": target.name,
        "kind": target.kind,
        "registry": target.registry,
        "repository": naming.repository,
        "tag": naming.tag,
        "floating": list(naming.floating),
        "aliases": list(naming.aliases),
        "require_clean": target.require_clean,
        "promote_only": target.promote_only,
    }


def _names(target: Target, planned: PlannedBuild) -> Document:
    names = target.names(planned)
    return {
        "target": target.name,
        "repository": names.repository,
        "immutable": names.immutable,
        "floating": list(names.floating),
    }


def plan(
    planned: Plan,
    known: Mapping[str, str],
    reasons: Mapping[str, str] = _NONE,
    targets: Sequence[Target] = (),
) -> Document:
    """The distinct steps, and the builds that are made of them.

    Args:
        known: why steps would be kept, by key.
        reasons: why others would be made.
        targets: where builds would be published.
    """
    return {
        "steps": [
            {
                "key": key,
                "kind": step.kind,
                "name": step.name,
                "parent": step.parent,
                "action": "keep" if key in known else "build",
                "why": known.get(key) or reasons.get(key, "first build"),
                "unresolved": list(step.unresolved),
                "inputs": dict(step.inputs),
            }
            for key, step in planned.steps.items()
        ],
        "builds": [
            {
                "id": one.build.id,
                "steps": list(one.steps),
                "immutable": one.immutable,
                "floating": list(one.floating),
                "targets": [_names(target, one) for target in targets],
            }
            for one in planned.builds
        ],
        "pairs": [_pair(pair) for pair in planned.pairs],
    }


def outcomes(
    planned: Plan,
    done: Sequence[Outcome],
    *,
    log_of: Callable[[Outcome], str] = lambda _outcome: "",
    cold_starts: Sequence[ColdStart] = (),
    journals: Sequence[Journal] = (),
) -> Document:
    """What a run did: what became of each build, and every piece of work, in order."""
    found = results(planned, done)
    return {
        "base": planned.base,
        "builds": [one.build for one in found],
        "totals": totals(found),
        "results": [
            {
                "build": one.build,
                "state": one.state.value,
                "gate": one.gate,
                "cause": next(iter(one.causes), ""),
            }
            for one in found
        ],
        "pairs": [
            {
                "pair": one.build,
                "state": one.state.value,
                "cause": next(iter(one.causes), ""),
                "reason": one.gates["verify"].reason,
            }
            for one in pair_results(planned, done)
        ],
        "cold_starts": [cold_start_document(one) for one in cold_starts],
        "moves": [move_document(one) for one in journals],
        "outcomes": [
            {
                "verb": one.verb,
                "subject": one.subject,
                "state": one.state.value,
                "reason": one.reason,
                "detail": list(one.detail),
                "seconds": one.seconds,
                "code": one.code,
                "log": log_of(one),
            }
            for one in done
        ],
    }


def status(
    records: Iterable[Record],
    pairs: Iterable[PairRecord] = (),
    unfinished: Iterable[Journal] = (),
) -> Document:
    """What the ledger knows, per build, and per pair of them; and what a killed run left."""
    return {
        "builds": [
            {
                "id": one.build_id,
                "key": one.key,
                "config_digest": one.built.config_digest if one.built else None,
                "built_at": one.built.at if one.built else None,
                "built_because": one.built.reason if one.built else None,
                "verdicts": {
                    verdict.gate.value: verdict_document(verdict) for verdict in one.verdicts
                },
                "published": [
                    {
                        "target": place.target,
                        "repository": place.repository,
                        "immutable": place.immutable,
                        "floating": list(place.floating),
                        "digest": place.manifest_digest,
                        "current": place.key == one.key,
                        "at": place.at,
                    }
                    for place in one.publications
                ],
            }
            for one in records
        ],
        "pairs": [
            {
                "head": one.head,
                "workers": one.workers,
                "status": one.verdict.status.value,
                "partial": list(one.verdict.partial),
                "at": one.verdict.at,
            }
            for one in pairs
        ],
        "unfinished": [move_document(one) for one in unfinished],
    }


def judged(found: Judged) -> Document:
    """What was said of an image that need not be the project's, and what it was judged as."""
    facts = found.facts
    return {
        "ref": found.ref,
        "config_digest": found.verdict.config_digest,
        "facts": {
            "ray": facts.ray or None,
            "python": facts.python or None,
            "device": facts.device,
            "cuda": facts.cuda,
            "torch": facts.torch,
            "extras": list(facts.extras),
        },
        "suite": found.suite,
        "workers": found.workers,
        "cached": found.cached,
        "verdict": verdict_document(found.verdict),
    }


def explanation(found: Iterable[Explanation], pairs: Iterable[PairExplanation] = ()) -> Document:
    """Why builds would (not) be made and judged anew, or how they differ from others; and pairs."""
    return {
        "builds": [
            {
                "id": one.build_id,
                "key": one.key,
                "against": {"what": one.against, "key": one.other, "known": one.known},
                "differences": [
                    {"step": each.step, "input": each.input, "what": each.what}
                    for each in one.differences
                ],
                "gates": [_foreseen(gate) for gate in one.gates],
            }
            for one in found
        ],
        "pairs": [
            {"id": one.pair_id, "cohort": one.cohort, "gates": [_foreseen(one.gate)]}
            for one in pairs
        ],
    }


def _foreseen(gate: Foreseen) -> Document:
    return {
        "gate": gate.gate,
        "action": gate.action.value,
        "why": [gate.why, *gate.more],
        "at": gate.at or None,
    }


def doctor(findings: Iterable[Finding]) -> Document:
    """What this machine has and lacks."""
    return {
        "findings": [
            {"name": one.name, "state": one.state.value, "what": one.what, "remedy": one.remedy}
            for one in findings
        ]
    }


def _pair(pair: Pair) -> Document:
    return {
        "id": pair.id,
        "cohort": pair.cohort,
        "head": pair.head.id,
        "workers": pair.workers.id,
        "refused": pair.refused,
    }


def verdict_document(verdict: Verdict) -> Document:
    """A verdict with all its checks."""
    return {
        "status": verdict.status.value,
        "partial": list(verdict.partial),
        "at": verdict.at,
        "seconds": verdict.seconds,
        "checks": [
            {
                "name": check.name,
                "status": check.status.value,
                "seconds": check.seconds,
                "reason": check.reason,
                "detail": list(check.detail),
                "timing": timing_document(check.timing),
            }
            for check in verdict.checks
        ],
    }
