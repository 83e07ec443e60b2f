"""What a run did: every build in a line, each failure once with all that it blocks, the count."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from factory.model import Outcome, Pair, Plan, PlannedBuild, State
from factory.report import documents, summary
from factory.report.results import results, totals
from factory.report.words import code_words
from tests.unit.plan.projects import plan_of, project_of

ONE = plan_of(project_of())
GATES = ("scan", "verify", "publish")
CELL = ONE.builds[0].build.cell.id


def plan_with(*images: str) -> Plan:
    """A build of each image, all of one cell: the steps below the last are shared."""
    first = ONE.builds[0]
    *below, last = (ONE.steps[key] for key in first.steps)
    apps = [replace(last, name=image, key=f"{at:064x}"[::-1]) for at, image in enumerate(images, 1)]
    builds = [
        replace(
            first, build=replace(first.build, image=app.name), steps=(*first.steps[:-1], app.key)
        )
        for app in apps
    ]
    return Plan(steps={step.key: step for step in (*below, *apps)}, builds=tuple(builds))


def outcome(verb: str, subject: str, state: State = State.DONE, **more: Any) -> Outcome:
    return Outcome(verb=verb, subject=subject, state=state, **more)


def gates(plan: Plan, planned: PlannedBuild, **more: Any) -> list[Outcome]:
    """The outcomes of a build's own work, all alike."""
    build = planned.build.id
    return [
        outcome("build", plan.steps[planned.key].label, **more),
        outcome("scan", build, **more),
        outcome("verify", build, **more),
        outcome("publish", f"{build} → local", **more),
    ]


def table_of(text: str) -> list[str]:
    return text.split("\n\n")[0].splitlines()


def failed_base(images: Sequence[str]) -> tuple[Plan, list[Outcome], str]:
    """A run in which the step that all stand on failed."""
    plan = plan_with(*images)
    base = plan.steps[plan.builds[0].steps[0]].label
    done = [
        outcome(
            "build", base, State.FAILED, reason="mmdebstrap fell", seconds=12.3, code=3,
            detail=("base: mmdebstrap fell", "  | E: no such suite", "  → name a suite"),
        )
    ]  # fmt: skip
    for planned in plan.builds:
        done += gates(plan, planned, state=State.BLOCKED, reason=f"build {base} failed")
    return plan, done, base


def test_a_build_that_passed_shows_how_long_each_gate_took() -> None:
    plan = plan_with("one", "two")
    done = [
        *gates(plan, plan.builds[0], seconds=61.4),
        *gates(plan, plan.builds[1], state=State.CACHED),
    ]
    lines = summary(plan, done).splitlines()
    assert lines[0].split() == ["BUILD", "BUILD", "SCAN", "VERIFY", "PUBLISH"]
    assert lines[1].split("  ")[0] == f"✓ one:{CELL}"
    assert lines[1].count("61 s") == 4
    assert lines[2].split() == ["=", f"two:{CELL}", *["cached"] * 4]
    assert lines[3:] == ["", "2 of 2 builds done"]


def test_gates_that_were_not_asked_for_have_no_column() -> None:
    plan = plan_with("one")
    lines = summary(plan, [outcome("scan", f"one:{CELL}")]).splitlines()
    assert lines[0].split() == ["BUILD", "SCAN"]


def test_a_failure_is_named_with_its_gate_its_lines_its_log_and_the_next_step() -> None:
    plan = plan_with("one")
    build = f"one:{CELL}"
    done = [
        outcome("build", plan.steps[plan.builds[0].key].label, seconds=2),
        outcome("scan", build, reason="partial: no database", seconds=2),
        outcome(
            "verify", build, State.FAILED, reason=f"{build}: verify failed: jobs", code=5,
            seconds=34,
            detail=(f"{build}: verify failed: jobs", "  | jobs: it fell", "  → mend it"),
        ),
        outcome("publish", f"{build} → local", State.BLOCKED, reason=f"verify {build} failed"),
    ]  # fmt: skip
    text = summary(plan, done, log_of=lambda one: f".factory/logs/{one.verb}.log")
    assert re.split("  +", table_of(text)[1]) == [
        f"✗ {build}", "2 s", "2 s", "failed", "–", "verify failed: jobs",
    ]  # fmt: skip
    assert text.split("\n\n")[1:] == [
        f"✗ verify {build} failed after 34 s (exit code 5: verify)\n"
        f"  {build}: verify failed: jobs\n"
        "    | jobs: it fell\n"
        "    full log: .factory/logs/verify.log\n"
        "    → mend it",
        "0 of 1 build done, 1 failed",
    ]


def test_a_shared_failure_is_told_once_with_every_build_that_it_blocks() -> None:
    images = [f"image{at}" for at in range(10)]
    plan, done, base = failed_base(images)
    text = summary(plan, done)
    assert text.count("✗") == 1
    assert text.count("no such suite") == 1
    blocked = ", ".join(f"{image}:{CELL}" for image in images)
    assert f"✗ build {base} failed after 12 s (exit code 3: build)\n" in text
    assert f"  blocks 10 builds: {blocked}\n" in text
    assert text.endswith("\n\n0 of 10 builds done, 10 blocked")
    for line in table_of(text)[1:]:
        assert line.startswith("– image")
        assert line.endswith(f"build {base}"), "each names what blocks it"


def test_the_last_step_of_a_build_names_its_build() -> None:
    plan = plan_with("one", "two")
    label = plan.steps[plan.builds[0].key].label
    text = summary(plan, [outcome("build", label, State.FAILED, reason="fell", code=3)])
    assert f"  blocks 1 build: one:{CELL}\n" in text
    assert "\n  fell" in text, "the reason stands in for lines that there are not"


def test_builds_that_a_preflight_stopped_come_after_the_planned_ones() -> None:
    plan = plan_with("one")
    ref = "rayproject/ray:2.60.0-py311-gpu"
    why = f"check {ref} failed"
    done = [
        outcome("check", ref, State.FAILED, reason="no such tag", code=2, detail=("no such tag",)),
        *(
            outcome("build", f"{image}:2.60.0-py311-gpu", State.BLOCKED, reason=why)
            for image in ("one", "two")
        ),
        *gates(plan, plan.builds[0]),
    ]  # fmt: skip
    text = summary(plan, done)
    lines = table_of(text)
    assert [line.split()[1] for line in lines[1:]] == [
        f"one:{CELL}", "one:2.60.0-py311-gpu", "two:2.60.0-py311-gpu",
    ]  # fmt: skip
    assert all(line.endswith(f"check {ref}") for line in lines[2:])
    assert f"✗ check {ref} failed (exit code 2: configuration)\n  blocks 2 builds: one:" in text
    assert text.endswith("1 of 3 builds done, 2 blocked")


def test_a_run_whose_every_build_was_stopped_before_has_a_summary() -> None:
    done = [outcome("build", "one:x", State.BLOCKED, reason="check y cancelled")]
    text = summary(Plan(steps={}, builds=()), done)
    assert table_of(text)[1] == "– one:x  –      check y"
    assert text.endswith("0 of 1 build done, 1 blocked")


def test_partial_verdicts_are_told_once() -> None:
    plan = plan_with("one")
    done = gates(plan, plan.builds[0], reason="partial: no database")
    assert table_of(summary(plan, done))[1].endswith("  partial: no database")


def test_the_worst_of_several_targets_is_shown() -> None:
    plan = plan_with("one")
    done = [
        outcome("publish", f"one:{CELL} → local", State.DONE),
        outcome("publish", f"one:{CELL} → hub", State.FAILED, reason="refused"),
        outcome("publish", f"one:{CELL} → other", State.CACHED),
    ]
    assert "failed" in table_of(summary(plan, done))[1]


def test_an_image_whose_name_begins_like_another_is_another() -> None:
    plan = plan_with("one", "one-more")
    done = [outcome("publish", f"one-more:{CELL} → local", State.FAILED)]
    assert [one.state for one in results(plan, done)] == [State.CACHED, State.FAILED]


@pytest.mark.parametrize("width", [60, 80])
def test_on_a_narrow_terminal_no_line_of_the_table_is_longer(width: int) -> None:
    images = [f"an-image-with-a-long-name-{at}" for at in range(8)]
    plan, done, _ = failed_base(images)
    lines = table_of(summary(plan, done, width=width))
    assert max(map(len, lines)) <= width
    assert len({line.split()[1] for line in lines[1:]}) == len(images), "told apart"
    blocks = summary(plan, done, width=width).split("\n\n")[1].splitlines()
    assert max(map(len, blocks)) <= width
    assert all(f"{image}:{CELL}" in "\n".join(blocks) for image in images), (
        "whole where there is room"
    )


def test_ordinary_ids_are_whole_at_80_columns() -> None:
    plan, done, base = failed_base(["ray-app", "ray-two"])
    lines = table_of(summary(plan, done, width=80))
    assert max(map(len, lines)) <= 80
    assert all(
        line.startswith(f"– ray-{name}:{CELL}  ")
        for name, line in zip(("app", "two"), lines[1:], strict=True)
    )
    assert all(line.endswith(f"build {base}") for line in lines[1:])


def test_where_no_terminal_is_nothing_is_cut() -> None:
    plan, done, _ = failed_base(["an-image-with-a-name-that-goes-on" * 4])
    assert "…" not in summary(plan, done)


def test_what_tools_said_cannot_touch_the_terminal() -> None:
    plan = plan_with("one")
    reason = "two\nlines \x1b[2J"
    done = [outcome("scan", f"one:{CELL}", State.FAILED, reason=reason, detail=("\x1b[31mred",))]
    text = summary(plan, done)
    assert "\x1b" not in text
    assert table_of(text)[1].endswith("two lines")


def test_an_interrupt_is_counted_apart() -> None:
    plan = plan_with("one", "two")
    done = [
        *gates(plan, plan.builds[0]),
        *gates(plan, plan.builds[1], state=State.CANCELLED, reason="interrupted", code=130),
    ]
    assert summary(plan, done).endswith("1 of 2 builds done, 1 cancelled")


def test_totals_count_each_build_once() -> None:
    plan, done, _ = failed_base(["one", "two"])
    done += [outcome("build", "three:x", State.FAILED)]
    assert totals(results(plan, done)) == {"done": 0, "failed": 1, "blocked": 2, "cancelled": 0}


def test_programs_get_what_became_of_each_build_and_why() -> None:
    plan, done, base = failed_base(["one"])
    done += [outcome("build", "two:x", State.BLOCKED, reason="check y failed")]
    document = documents.outcomes(plan, done, log_of=lambda one: f"{one.verb}.log")
    assert document["builds"] == [f"one:{CELL}", "two:x"]
    assert document["totals"] == {"done": 0, "failed": 0, "blocked": 2, "cancelled": 0}
    assert document["results"] == [
        {"build": f"one:{CELL}", "state": "blocked", "gate": "build", "cause": f"build {base}"},
        {"build": "two:x", "state": "blocked", "gate": "build", "cause": "check y"},
    ]
    assert [one["code"] for one in document["outcomes"]] == [3, 0, 0, 0, 0, 0]
    assert document["outcomes"][0]["log"] == "build.log"
    assert json.loads(json.dumps(document)) == document


def test_every_exit_code_has_words() -> None:
    from factory import errors

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {kind.exit_code for kind in kinds if issubclass(kind, errors.FactoryError)}
    assert len(codes) > 6
    assert "unknown" not in {code_words(code) for code in codes}


def test_where_bases_came_from_is_said_at_the_end_and_to_machines() -> None:
    """`auto` may have come down to stand-ins: who reads only the result must see it."""
    plan = plan_of(project_of())
    assert plan.base == "packages"
    assert summary(plan, []).endswith(", on bases made from packages")
    assert documents.outcomes(plan, [])["base"] == "packages"
    upstream = replace(plan, base="registry")
    assert "packages" not in summary(upstream, []).splitlines()[-1]
    assert documents.outcomes(upstream, [])["base"] == "registry"


# ------------------------------------------------------------------ pairs


def paired(**more: Any) -> tuple[Plan, Pair, list[Outcome]]:
    """Two builds that passed, and what came of them together."""
    plan = plan_with("one", "two")
    pair = Pair(cohort="both", head=plan.builds[0].build, workers=plan.builds[1].build)
    done = [*gates(plan, plan.builds[0]), *gates(plan, plan.builds[1])]
    return replace(plan, pairs=(pair,)), pair, [*done, outcome("verify", pair.id, **more)]


def test_a_pair_has_a_line_of_its_own_and_is_counted_apart() -> None:
    plan, pair, done = paired(seconds=31.0, reason="partial: no NVIDIA runtime")
    text = summary(plan, done)
    [line] = [line for line in table_of(text) if pair.id in line]
    assert line.split() == ["✓", pair.id, "31", "s", "partial:", "no", "NVIDIA", "runtime"]
    assert text.endswith("\n\n2 of 2 builds and 1 of 1 pairs done")
    assert totals(results(plan, done)) == {"done": 2, "failed": 0, "blocked": 0, "cancelled": 0}


def test_a_pair_that_is_refused_says_why_and_what_it_blocks() -> None:
    plan, pair, done = paired(
        state=State.FAILED, reason="one:x: refused: numpy differs", code=5,
        detail=("one:x: refused: numpy differs",),
    )  # fmt: skip
    blocked = [
        replace(it, state=State.BLOCKED, reason=f"verify {pair.id} failed")
        if it.verb == "publish"
        else it
        for it in done
    ]
    text = summary(plan, blocked)
    assert f"blocks 2 builds: one:{CELL}, two:{CELL}" in text
    assert "0 of 2 builds and 0 of 1 pairs done, 2 blocked" in text
    document = documents.outcomes(plan, blocked)
    assert [one["state"] for one in document["results"]] == ["blocked", "blocked"]
    assert document["pairs"] == [
        {
            "pair": pair.id,
            "state": "failed",
            "cause": f"verify {pair.id}",
            "reason": "one:x: refused: numpy differs",
        }
    ]


def test_without_a_verification_no_pair_is_told_of() -> None:
    plan, pair, done = paired()
    text = summary(plan, done[:-1])
    assert pair.id not in text
    assert "pairs" not in text
    assert documents.outcomes(plan, done[:-1])["pairs"] == []
