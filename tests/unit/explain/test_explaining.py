"""Through real files: a project is planned, made as far as the ledger goes, changed, explained."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from factory.errors import ConfigError, MachineError
from factory.explaining import explain, reasons
from factory.history import History
from factory.judging import possible_parts
from factory.ledger import Ledger
from factory.model import (
    Action,
    Begun,
    Built,
    Explanation,
    Gate,
    Lock,
    Pin,
    Publication,
    Selection,
    Status,
    Step,
    Trace,
    Verdict,
    asked_by,
)
from factory.pipeline import Prepared, prepare
from factory.project import load
from factory.report import explanation_text
from factory.settings import Settings
from factory.stock import Stock
from tests.conftest import IMAGE, MATRIX

FIRST, SECOND = "demo:2.60.0-py311-cpu", "demo:2.55.1-py311-cpu"
AT = "2026-11-21T08:29:00+00:00"
MAIN = "images/demo/app/main.py"


@pytest.fixture
def settings(tree: Path) -> Settings:
    return Settings.from_environment({"FACTORY_ROOT": str(tree), "HOME": str(tree / "home")})


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings.state / "ledger.sqlite") as opened:
        yield opened


def planned(settings: Settings) -> Prepared:
    return prepare(settings, Selection())


def history(settings: Settings, ledger: Ledger) -> History:
    prepared = planned(settings)
    return History(plan=prepared.plan, contents=prepared.contents, ledger=ledger)


def built(step: Step, reason: str = "") -> Built:
    return Built(
        key=step.key,
        ref=step.ref,
        image_id=f"sha256:{step.key[:8]}",
        config_digest=f"sha256:{step.key}",
        substituted_base=True,
        reason=reason,
        at=AT,
        seconds=1.0,
    )


def make(settings: Settings, ledger: Ledger, *builds: str) -> dict[str, str]:
    """What a run would record of the steps that are not there; their reasons by label."""
    now = history(settings, ledger)
    wanted = [one for one in now.plan.builds if not builds or one.build.id in builds]
    told: dict[str, str] = {}
    for key in dict.fromkeys(key for one in wanted for key in one.steps):
        step = now.plan.steps[key]
        if ledger.built(key):
            now.confirm(step)
        else:
            told[step.name] = now.reason(step)
            now.record(step, built(step, told[step.name]))
    ledger.record_planned({one.build.id: one.key for one in wanted})
    return told


def explained(settings: Settings, build: str = FIRST, against: str | None = None) -> Explanation:
    prepared = planned(settings)
    [found] = explain(
        settings,
        prepared.project,
        prepared.plan,
        prepared.contents,
        builds=[build],
        against=against,
    )
    return found


def whats(settings: Settings, build: str = FIRST, against: str | None = None) -> list[str]:
    return [one.what for one in explained(settings, build, against).differences]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


# --------------------------------------------------------------------- builds


def test_what_was_never_made_is_a_first_build(settings: Settings, ledger: Ledger) -> None:
    build, scan, verify = explained(settings).gates
    assert (build.action, build.why) == (Action.AGAIN, "first build")
    assert scan.why == verify.why == "there will be another image"
    assert set(make(settings, ledger).values()) == {"first build"}


def test_what_did_not_change_is_kept(settings: Settings, ledger: Ledger) -> None:
    make(settings, ledger)
    found = explained(settings)
    assert found.differences == ()
    assert (found.gates[0].action, found.gates[0].at) == (Action.KEEP, AT)
    assert "build   keep     nothing changed since 2026-11-21T08:29" in explanation_text([found])


def rewrite(tree: Path) -> None:
    (tree / MAIN).write_text("print(3)\n")


def add(tree: Path) -> None:
    (tree / "images/demo/app/new.py").write_text("")


def remove(tree: Path) -> None:
    add(tree)
    (tree / MAIN).unlink()


def allow(tree: Path) -> None:
    (tree / MAIN).chmod(0o755)


def link(tree: Path) -> None:
    (tree / MAIN).rename(tree / "images/demo/app/real.py")
    (tree / MAIN).symlink_to("real.py")


def nothing(tree: Path) -> None:
    (tree / MAIN).touch()
    (tree / "images/demo/unused.txt").write_text("x")
    edit(tree / "dockerfiles/app.Dockerfile.j2", "FROM", "# a comment\n\nFROM")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (rewrite, [f"{MAIN} changed"]),
        (add, ["images/demo/app/new.py was added"]),
        (remove, [f"{MAIN} is gone", "images/demo/app/new.py was added"]),
        (allow, [f"{MAIN} may now be executed"]),
        (link, [f"{MAIN} is now a symlink", "images/demo/app/real.py was added"]),
        (
            lambda tree: (tree / "images/demo/requirements.txt").write_text("fsspec==2026.5.0\n"),
            ["images/demo/requirements.txt changed"],
        ),
        (
            lambda tree: edit(tree / "matrix.yaml", "2026-11", "2026-12"),
            ["epoch 2026-11 → 2026-12"],
        ),
        (nothing, []),
    ],
)
def test_the_file_that_changed_is_named(
    settings: Settings,
    ledger: Ledger,
    tree: Path,
    change: Callable[[Path], object],
    expected: list[str],
) -> None:
    make(settings, ledger)
    change(tree)
    assert whats(settings) == expected
    assert make(settings, ledger).get("demo", "") == (expected or [""])[0]
    assert whats(settings) == [], "what was made since is what the next is compared with"


def test_an_instruction_is_named_with_its_line(
    settings: Settings, ledger: Ledger, tree: Path
) -> None:
    make(settings, ledger)
    (tree / "images/demo/image.yaml").write_text(IMAGE + "env: {COLOUR: green}\n")
    [found] = whats(settings)
    assert found.startswith("dockerfiles/app.Dockerfile.j2 renders other instructions: ")
    assert "COLOUR" in found
    rendered = planned(settings).plan
    step = rendered.steps[rendered.builds[0].key]
    line = int(found.rpartition("(line ")[2].rstrip(")"))
    assert "COLOUR" in step.dockerfile.splitlines()[line - 1]


def test_a_lock_is_told_by_the_version_that_moved(
    settings: Settings, ledger: Ledger, tree: Path
) -> None:
    def lock(version: str) -> None:
        project, [one, *_] = load(settings), planned(settings).plan.builds
        pin = Pin(version=version, hashes=("sha256:" + "0" * 64,))
        for asked in asked_by(project, one.build):
            file = tree / asked.folder / f"{one.build.cell.id}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(Lock(made_for=asked.digest, pins={f"of-{asked.kind}": pin}).text())

    lock("2.1.0")
    make(settings, ledger)
    lock("2.2.0")
    assert whats(settings) == [
        "of-base 2.1.0 → 2.2.0 in dockerfiles/locks/base/2.60.0-py311-cpu.txt",
        "of-app 2.1.0 → 2.2.0 in images/demo/locks/2.60.0-py311-cpu.txt",
    ]


def test_the_cause_is_that_of_the_whole_chain_and_not_the_parents_key(
    settings: Settings, ledger: Ledger, tree: Path
) -> None:
    child = tree / "images" / "child"
    child.mkdir()
    (child / "image.yaml").write_text("description: A child\nparent: demo\n")
    make(settings, ledger)
    rewrite(tree)
    assert make(settings, ledger) == {"demo": f"{MAIN} changed", "child": f"{MAIN} changed"}
    records = {one.build_id: one for one in ledger.records()}
    made = records["child:2.60.0-py311-cpu"].built
    assert made
    assert made.reason == f"{MAIN} changed", "what `invoke status` shows"


def test_a_shared_step_has_the_reason_of_a_build_that_was_made_before(
    settings: Settings, ledger: Ledger, tree: Path
) -> None:
    (tree / "images" / "zeta" / "app").mkdir(parents=True)
    (tree / "images" / "zeta" / "image.yaml").write_text("description: Younger than demo\n")
    make(settings, ledger, "zeta:2.60.0-py311-cpu")
    edit(tree / "matrix.yaml", "2026-11", "2026-12")
    now = history(settings, ledger)
    assert now.plan.builds[0].build.id == FIRST, "it needs the base first, and was never made"
    builds = [one for one in now.plan.builds if "2.60.0" in one.build.id]
    steps = [now.plan.steps[key] for one in builds for key in one.steps]
    told = {step.name: now.reason(step) for step in steps}
    assert told == {
        "base": "epoch 2026-11 → 2026-12",
        "runtime": "epoch 2026-11 → 2026-12",
        "demo": "first build",
        "zeta": "epoch 2026-11 → 2026-12",
    }


def test_what_the_engine_lost_is_only_gone(settings: Settings, ledger: Ledger) -> None:
    make(settings, ledger)
    now = history(settings, ledger)
    assert {now.reason(step) for step in now.plan.steps.values()} == {"gone from the engine"}


def test_the_dry_run_shows_the_reason_that_would_be_recorded(
    settings: Settings, ledger: Ledger, tree: Path
) -> None:
    make(settings, ledger)
    rewrite(tree)
    prepared = planned(settings)
    whys = reasons(settings, prepared.plan, prepared.contents)
    assert whys[prepared.plan.builds[0].key] == f"{MAIN} changed"


def test_without_a_ledger_there_are_no_reasons_and_none_is_begun(settings: Settings) -> None:
    prepared = planned(settings)
    assert reasons(settings, prepared.plan, prepared.contents) == {}
    assert not (settings.state / "ledger.sqlite").exists()


def test_what_is_merely_planned_does_not_hide_what_was_made(
    settings: Settings, ledger: Ledger, tree: Path
) -> None:
    make(settings, ledger)
    rewrite(tree)
    ledger.record_planned({one.build.id: one.key for one in planned(settings).plan.builds})
    assert whats(settings) == [f"{MAIN} changed"]


def test_a_return_to_an_earlier_image_is_kept_and_told(
    settings: Settings, ledger: Ledger, tree: Path
) -> None:
    before = (tree / MAIN).read_text()
    make(settings, ledger)
    rewrite(tree)
    make(settings, ledger)
    (tree / MAIN).write_text(before)
    found = explained(settings)
    assert found.gates[0].action is Action.KEEP
    assert "an image with these inputs was made before" in found.gates[0].why
    make(settings, ledger)
    assert whats(settings) == [], "the run found it, so it is what was last made"


def test_an_image_of_schema_1_is_said_to_have_no_inputs(
    settings: Settings, ledger: Ledger, tree: Path
) -> None:
    now = history(settings, ledger)
    old = now.plan.steps[now.plan.builds[0].key]
    ledger.record_built(built(old))
    ledger.record_made(Trace(made={FIRST: old.key}))
    assert explained(settings).gates[0].action is Action.KEEP
    rewrite(tree)
    found = explained(settings)
    assert found.gates[0].why == "changed since an image whose inputs were not recorded"
    assert not found.known


def test_a_lock_that_was_edited_after_it_was_planned_is_not_recorded(
    settings: Settings, ledger: Ledger, tree: Path
) -> None:
    now = history(settings, ledger)
    path = "images/demo/requirements.txt"
    [entry] = now.contents.tree("images/demo", "requirements.txt", where="a test").entries
    assert now._pins(path, entry.digest) == "fsspec==2026.4.0\n"
    (tree / path).write_text("fsspec==9\n")
    assert now._pins(path, entry.digest) is None


# -------------------------------------------------------------- against others


def published(settings: Settings, target: str = "local") -> Publication:
    [one, *_] = planned(settings).plan.builds
    return Publication(
        build_id=one.build.id,
        key=one.key,
        target=target,
        repository="r",
        immutable=one.immutable,
        floating=one.floating,
        manifest_digest="sha256:1",
        config_digest="sha256:1",
        at=AT,
    )


def test_what_is_published_is_compared_target_by_target(
    settings: Settings, ledger: Ledger, tree: Path
) -> None:
    assert "nothing of it was published" in explanation_text(
        [explained(settings, against="published")]
    )
    make(settings, ledger)
    ledger.record_publication(published(settings))
    rewrite(tree)
    make(settings, ledger)
    assert whats(settings) == []
    found = explained(settings, against="published")
    assert (found.against, found.gates) == ("published at local", ())
    assert [one.what for one in found.differences] == [f"{MAIN} changed"]


@pytest.mark.parametrize("against", ["2.55.1-py311-cpu", SECOND])
def test_another_cell_is_compared_as_it_is_planned(
    settings: Settings, ledger: Ledger, against: str
) -> None:
    found = explained(settings, against=against)
    assert found.against == SECOND
    assert found.differences[0].step == "base"
    text = explanation_text([found], everything=True)
    assert text.startswith(f"{FIRST} against {SECOND}\n  ")
    assert len(text.splitlines()) == 1 + len(found.differences)
    assert "more: --all)" in explanation_text([found])


def test_a_build_does_not_differ_from_itself(settings: Settings, ledger: Ledger) -> None:
    found = explained(settings, against=FIRST)
    assert f"no difference: both have the key {found.key[:12]}" in explanation_text([found])


def test_a_cell_that_the_image_is_not_made_for_is_refused(
    settings: Settings, ledger: Ledger
) -> None:
    with pytest.raises(ConfigError, match="to compare demo:"):
        explained(settings, against="2.55.1-py311-cp")


# -------------------------------------------------------------------- verdicts


@pytest.fixture
def judged(settings: Settings, ledger: Ledger) -> Settings:
    """The first build is made, and has both verdicts."""
    make(settings, ledger)
    prepared = planned(settings)
    one = prepared.plan.builds[0]
    image = ledger.built(one.key)
    assert image
    for gate in Gate:
        [(basis, parts)] = possible_parts(settings, prepared.project, one, image, gate)
        verdict = Verdict(
            gate=gate, config_digest=image.config_digest, basis=basis, status=Status.PASS, at=AT
        )
        ledger.record_verdict(verdict, parts)
    return settings


def gates(settings: Settings) -> dict[str, tuple[Action, str, tuple[str, ...]]]:
    return {one.gate: (one.action, one.why, one.more) for one in explained(settings).gates}


def test_verdicts_that_stand_are_kept(judged: Settings) -> None:
    assert {action for action, _, _ in gates(judged).values()} == {Action.KEEP}
    assert "verify  keep     0 checks passed (2026-11-21T08:29)" in explanation_text(
        [explained(judged)]
    )


def test_what_a_verdict_rested_on_is_named_where_it_changed(judged: Settings, tree: Path) -> None:
    with (tree / "images/demo/checks.py").open("a") as file:
        file.write("# more\n")
    edit(tree / "matrix.yaml", "targets:", "verify: {workers: 3}\ntargets:")
    found = gates(judged)
    assert found["verify"] == (
        Action.AGAIN,
        "the image's own checks changed",
        ("topology: nodes 3 → 4",),
    )
    assert found["build"][0] is found["scan"][0] is Action.KEEP


def test_a_changed_policy_is_scanned_again(judged: Settings, tree: Path) -> None:
    policy = "policy: {scan: {vulnerabilities: [low]}}\ntargets:"
    edit(tree / "matrix.yaml", "targets:", policy)
    found = gates(judged)
    assert found["scan"][:2] == (Action.AGAIN, "the scan policy changed: vulnerabilities")
    assert found["verify"][0] is Action.KEEP


def test_without_trivy_nobody_can_tell(judged: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise MachineError("there is no Trivy")

    monkeypatch.setattr("factory.trivy.locate", missing)
    found = gates(judged)
    assert found["scan"][:2] == (Action.UNKNOWN, "there is no Trivy")
    assert found["verify"][0] is Action.KEEP


def test_a_base_that_was_never_looked_up_leaves_the_build_open(
    settings: Settings, ledger: Ledger, tree: Path
) -> None:
    (tree / "matrix.yaml").write_text(MATRIX.replace("source: packages", "source: registry"))
    build = explained(settings).gates[0]
    assert build.action is Action.UNKNOWN
    assert build.why == "a build looks up docker.io/rayproject/ray:2.60.0-py311-cpu first"


# ------------------------------------------------------------------- the stock


class Found:
    """An engine that only tells config digests, and that all images were begun at noon."""

    def bears(self, _ref: str, _label: str, value: str) -> bool:
        return value == "noon"

    def config_digest(self, image_id: str) -> str:
        return f"sha256:config-of-{image_id}"


def stock(settings: Settings, ledger: Ledger) -> Stock:
    now = history(settings, ledger)
    engine: Any = Found()  # all that is asked of one
    present = {step.ref: (f"sha256:{key[:8]}", key) for key, step in now.plan.steps.items()}
    return Stock(
        settings=settings,
        project=planned(settings).project,
        engine=engine,
        ledger=ledger,
        present=present,
        history=now,
    )


def test_an_image_that_another_tree_made_is_explained_like_our_own(
    settings: Settings, ledger: Ledger, tree: Path
) -> None:
    there = stock(settings, ledger)
    last = there.history.plan.builds[0]
    assert there.in_engine(there.history.plan.steps[last.key])
    assert ledger.made() == {FIRST: last.key}
    rewrite(tree)
    assert whats(settings) == [f"{MAIN} changed"]
    now = history(settings, ledger)
    base = now.plan.steps[now.plan.builds[0].steps[0]]
    assert now.reason(base) == "never made here; needed by what stands on it"


def test_an_image_that_is_there_already_is_what_was_last_made(
    settings: Settings, ledger: Ledger, tree: Path
) -> None:
    before = (tree / MAIN).read_text()
    make(settings, ledger)
    rewrite(tree)
    make(settings, ledger)
    (tree / MAIN).write_text(before)
    there = stock(settings, ledger)
    last = there.history.plan.builds[0]
    assert ledger.made()[FIRST] != last.key
    assert there.in_engine(there.history.plan.steps[last.key])
    assert ledger.made()[FIRST] == last.key


# ----------------------------------------------------------------- the command


def call(tree: Path, monkeypatch: pytest.MonkeyPatch, *args: str) -> int:
    from invoke.program import Program

    import tasks

    monkeypatch.setenv("FACTORY_ROOT", str(tree))
    argv = ["invoke", "explain", *args]
    monkeypatch.setattr("sys.argv", argv)
    try:
        Program(namespace=tasks.ns, name="invoke").run(argv)
    except SystemExit as error:
        return int(error.code or 0)
    return 0


def test_a_cell_explains_all_its_builds(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    child = tree / "images" / "child"
    child.mkdir()
    (child / "image.yaml").write_text("description: A child\nparent: demo\n")
    assert call(tree, monkeypatch, "2.60.0-py311-cpu", "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {one["id"] for one in found["builds"]} == {FIRST, "child:2.60.0-py311-cpu"}
    assert [one["gate"] for one in found["builds"][0]["gates"]] == ["build", "scan", "verify"]
    for args in ([FIRST], ["--name", FIRST], [FIRST, "--all"], ["--all", FIRST]):
        assert call(tree, monkeypatch, *args) == 0
        said = capsys.readouterr().out.splitlines()[:2]
        assert said == [FIRST, "  build   again    first build"], args


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["2.60.0-py31-cpu"], "did you mean 2.60.0-py311-cpu"),
        ([FIRST, "--against", "2.55.1-py31-cpu"], "did you mean 2.55.1-py311-cpu"),
        ([], "explain which cell?"),
        (["--all"], "explain which cell?"),
        (["--against", "published"], "explain which cell?"),
        ([FIRST, "--format", "xml"], "--format 'xml' is not known"),
    ],
)
def test_a_call_that_is_wrong_is_answered_with_a_hint(
    tree: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    args: list[str],
    said: str,
) -> None:
    assert call(tree, monkeypatch, *args) == 2
    assert said in capsys.readouterr().err


def test_an_image_whose_maker_was_killed_before_it_could_say_so_is_ours_for_its_reason(
    settings: Settings, ledger: Ledger
) -> None:
    there = stock(settings, ledger)
    mine, other = (there.history.plan.steps[one.key] for one in there.history.plan.builds)
    begun = Begun(key=mine.key, ref=mine.ref, reason=f"{MAIN} changed", created="noon")
    ledger.record_begun(begun)
    failed = replace(begun, key=other.key, ref=other.ref, created="a minute before noon")
    ledger.record_begun(failed)  # and then another tree made one
    found, foreign = there.in_engine(mine), there.in_engine(other)
    assert found
    assert (found.ours, found.reason) == (True, f"{MAIN} changed")
    assert foreign
    assert (foreign.ours, foreign.reason) == (False, "found in the engine, made by another tree")
    assert ledger.built(mine.key) == found
    assert ledger.all_begun() == ()
