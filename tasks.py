"""The factory's commands. Tasks parse, call and print; the work is in ``factory/``.

Heavy imports are inside the tasks, so that ``invoke --list`` is quick and needs nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from factory.calling import check_call
from factory.cli import (
    FORMAT_HELP,
    NamedTask,
    check_form,
    command,
    selecting_command,
    selection_command,
    settings_here,
    show,
    warn,
)
from factory.commands import cluster, export
from factory.commands.adopt import adopt
from factory.commands.asking import audit, diff, explain
from factory.commands.tags import gc, promote, rollback, runs, settle
from factory.model import ScanPolicy, Selection, Target
from factory.settings import Settings

if TYPE_CHECKING:
    from benchmarks.catalogue import Entry


@selection_command
def matrix(_c: Context, selection: Selection, format: str = "text") -> None:
    """Show the cells, what is verified together, and what was excluded and why."""
    from factory import report
    from factory.matrix import select
    from factory.project import all_builds, load

    project = load(settings_here())
    builds = select(all_builds(project), selection)
    pairs = [pair for pair in project.pairs if not set(builds).isdisjoint(pair.builds)]
    show(
        report.matrix_table(project.matrix, builds, pairs),
        lambda: report.documents.matrix(project.matrix, builds, pairs),
        format,
    )


@selection_command
def plan(_c: Context, selection: Selection, format: str = "text") -> None:
    """Show what a build would do, step by step, and why: the dry run."""
    from factory import report
    from factory.explaining import reasons
    from factory.pipeline import foreseen, prepare

    settings = settings_here()
    prepared = prepare(settings, selection)
    planned = prepared.plan
    known = foreseen(settings, prepared, warn)
    whys = reasons(settings, planned, prepared.contents, known)
    targets = prepared.project.matrix.targets
    show(
        report.plan_table(planned, known, whys, prepared.project.refused_cohorts, targets),
        lambda: report.documents.plan(planned, known, whys, targets),
        format,
    )


@selection_command
def render(_c: Context, selection: Selection, format: str = "text") -> None:
    """Write the Dockerfiles under .factory/ for reading."""
    from factory.pipeline import render_files

    check_form(format)
    settings = settings_here()
    paths = render_files(settings, selection)
    names = [str(path.relative_to(settings.root)) for path in paths]
    show("\n".join(names), lambda: names, format)


@selection_command
def lint(_c: Context, selection: Selection, format: str = "text") -> None:
    """Judge the rendered Dockerfiles, by hadolint's rules and our own."""
    from factory.lint import lint as judge
    from factory.pipeline import render_files

    check_form(format)
    settings = settings_here()
    paths = render_files(settings, selection)
    linted = judge(settings.root, paths)
    findings = [str(finding) for finding in linted.findings]
    whose = " by our own rules" if linted.error else ""
    quiet = f"{len(paths)} Dockerfiles, nothing to complain about{whose}"
    show("\n".join(findings) or quiet, lambda: findings, format)
    if linted.error:
        raise linted.error
    if findings:
        raise Exit(code=2)


@selecting_command(
    upgrade="take the newest versions and digests, not those that are locked and still fit",
    check="only compare; exit 2 if a lock is missing, left over, or does not fit",
)
def lock(
    _c: Context,
    selection: Selection,
    upgrade: bool = False,
    check: bool = False,
    format: str = "text",
) -> None:
    """Pin base images by digest, and Python packages by version and hash."""
    from factory import console
    from factory.errors import ConfigError
    from factory.locking import check_locks, write_locks

    check_form(format)
    if upgrade and check:
        raise ConfigError("--upgrade and --check exclude each other", todo="keep one of them")
    settings = settings_here()
    with console.observer(settings.state / "logs") as observer:
        if check:
            said = check_locks(settings, selection, observer)
        else:
            said = write_locks(settings, selection, observer, upgrade=upgrade)
    quiet = "the locks fit" if check else "the locks are as they were"
    show("\n".join(said) or quiet, lambda: said, format)
    if check and said:
        raise Exit("run `invoke lock`, and commit what it writes", code=2)


@selection_command
def outdated(_c: Context, selection: Selection, format: str = "text") -> None:
    """Show which bases, Rays and packages are not the newest, and what would be rebuilt."""
    from factory import console
    from factory.locking import find_outdated
    from factory.report.locks import outdated_document, outdated_table

    check_form(format)
    settings = settings_here()
    with console.observer(settings.state / "logs") as observer:
        found = find_outdated(settings, selection, observer)
    show(outdated_table(found), lambda: outdated_document(found), format)


@command(
    action="fetch (from Trivy's registry, or the mirrors in matrix.yaml) or load",
    source="with load: a folder, or a .tar.gz, with metadata.json and trivy.db or trivy-java.db",
    java="with fetch: the one of Java archives as well, a gigabyte; --no-java leaves it out",
)
def db(_c: Context, action: str, source: str | None = None, java: bool = True) -> None:
    """Fetch the scan gate's databases, or load a copy of one."""
    from factory.database import provide

    def note(line: str) -> None:
        print(line, file=sys.stderr)

    show(provide(settings_here(), action, source, note, java=java), dict, "text")


def _pass_gates(
    gates: Sequence[str],
    selection: Selection,
    form: str,
    suite: str | None = None,
    *,
    require_gpu: bool = False,
) -> None:
    from factory import console, errors, report
    from factory.glance import Glance

    check_form(form)
    settings = settings_here()
    glance = Glance(settings)  # the engine looks for images while all else is loaded and planned
    from factory.pipeline import prepare_some, run

    prepared = prepare_some(settings, selection)
    if suite:
        prepared = prepared.asking(suite)
    if require_gpu:
        prepared = replace(prepared, require_gpu=True)
    with console.observer(settings.state / "logs") as observer:
        ran = run(settings, prepared, gates, observer, glance)
    show(
        report.summary(
            ran.plan,
            ran.outcomes,
            width=console.width_of(sys.stdout),
            log_of=observer.log_of,
            cold_starts=ran.cold_starts,
        ),
        lambda: report.documents.outcomes(
            ran.plan,
            ran.outcomes,
            log_of=observer.log_of,
            cold_starts=ran.cold_starts,
            journals=ran.journals,
        ),
        form,
    )
    code = errors.exit_code_of(outcome.code for outcome in ran.outcomes)
    if code:
        raise Exit(code=code)


@selection_command
def build(_c: Context, selection: Selection, format: str = "text") -> None:
    """Build the images."""
    _pass_gates(["build"], selection, format)


@selecting_command(
    published="judge what was published again, by what is known today; exit 4 if it is refused",
)
def scan(_c: Context, selection: Selection, format: str = "text", published: bool = False) -> None:
    """Look for secrets, misconfiguration and vulnerabilities in built images."""
    from factory.errors import ConfigError, MachineError, ScanError

    if not published:
        _pass_gates(["scan"], selection, format)
        return
    if selection != Selection():
        raise ConfigError(
            "--published and the selection flags exclude each other",
            todo="all that was published is judged: leave one or the other out",
        )
    from factory.published import judge_published
    from factory.report.published import published_document, published_table

    check_form(format)
    found = judge_published(settings_here(), warn)
    show(published_table(found), lambda: published_document(found), format)
    if any(one.refused for one in found):
        raise Exit(code=ScanError.exit_code)
    if any(one.now is None for one in found):
        raise Exit(
            "not everything could be judged: pull what is missing, and `invoke scan` it",
            code=MachineError.exit_code,
        )


_REQUIRE_GPU = "fail images for GPUs where there is no GPU to try them on"


@selecting_command(
    suite="contract, quick, full or coldstart, instead of what matrix.yaml says",
    ref="any image that the engine has, instead of builds of this project",
    pull="with --ref: pull the image first",
    require_gpu=_REQUIRE_GPU,
)
def verify(
    _c: Context,
    selection: Selection,
    format: str = "text",
    suite: str | None = None,
    ref: str | None = None,
    pull: bool = False,
    require_gpu: bool = False,
) -> None:
    """Boot built images as a head and workers, and run the smoke suite."""
    from factory.errors import ConfigError

    if ref is None:
        if pull:
            raise ConfigError("--pull goes with --ref", todo="name an image: --ref REF --pull")
        _pass_gates(["verify"], selection, format, suite, require_gpu=require_gpu)
        return
    if selection != Selection():
        raise ConfigError(
            "--ref and the selection flags exclude each other",
            todo="an image that is named is no build of the matrix: leave one or the other out",
        )
    _judge(ref, format, suite, pull=pull, require_gpu=require_gpu)


def _judge(ref: str, form: str, suite: str | None, *, pull: bool, require_gpu: bool) -> None:
    from factory import console, report
    from factory.foreign import Asked, judge

    check_form(form)
    settings = settings_here()
    asked = Asked(ref=ref, suite=suite, pull=pull, require_gpu=require_gpu)
    with console.observer(settings.state / "logs") as observer:
        judged, code = judge(settings, asked, observer)
    show(
        report.judged_text(judged, width=console.width_of(sys.stdout)),
        lambda: report.documents.judged(judged),
        form,
    )
    if code:
        raise Exit(code=code)


@selecting_command(resume="only finish what a killed run began; needs no engine")
def publish(_c: Context, selection: Selection, format: str = "text", resume: bool = False) -> None:
    """Push what has passed every gate, then move floating tags, each group's together."""
    from factory.errors import ConfigError

    if not resume:
        _pass_gates(["publish"], selection, format)
        return
    if selection != Selection():
        raise ConfigError(
            "--resume and the selection flags exclude each other",
            todo="all that was begun is finished: leave one or the other out",
        )
    from factory.resuming import resume as finish

    settle(format, finish)


@selecting_command(require_gpu=_REQUIRE_GPU)
def release(
    _c: Context, selection: Selection, format: str = "text", require_gpu: bool = False
) -> None:
    """Build, scan, verify and publish, overlapped."""
    gates = ["build", "scan", "verify", "publish"]
    _pass_gates(gates, selection, format, require_gpu=require_gpu)


@selection_command
def status(_c: Context, selection: Selection, format: str = "text") -> None:
    """Show what the ledger knows of each build, of pairs, and of what a killed run left."""
    from factory import report
    from factory.ledger import Ledger
    from factory.matrix import among
    from factory.project import project_of
    from factory.report.moves import unfinished_text

    with Ledger.open(project_of(settings_here()).state / "ledger.sqlite") as ledger:
        records, pairs = ledger.records(), ledger.pair_records()
        left = ledger.unfinished()
    if records and selection != Selection():
        wanted = among((one.build_id for one in records), selection)
        records = tuple(one for one in records if one.build_id in wanted)
        pairs = tuple(one for one in pairs if {one.head, one.workers} & wanted)
    parts = (report.status_table(records, pairs), unfinished_text(left))
    show(
        "\n\n".join(part for part in parts if part),
        lambda: report.documents.status(records, pairs, left),
        format,
    )


def _examined() -> tuple[Settings, tuple[Target, ...], ScanPolicy | None]:
    """What doctor looks at: the project's targets too, unless it is the project that is ill."""
    from factory.errors import ConfigError
    from factory.project import load

    settings = settings_here()
    try:
        matrix = load(settings).matrix
    except ConfigError as error:
        warn(f"the project itself cannot be read:\n{error}")
        return settings, (), None
    return settings, matrix.targets, matrix.scan


@command(**FORMAT_HELP)
def doctor(_c: Context, format: str = "text") -> None:
    """Show what this machine has and lacks, and how to mend it."""
    from factory import report
    from factory.doctor import examine
    from factory.model import Health

    findings = examine(*_examined())
    show(report.doctor_table(findings), lambda: report.documents.doctor(findings), format)
    if any(finding.state is Health.MISSING for finding in findings):
        raise Exit(code=7)


@command(
    registry="also stop the local registry and delete what was published to it",
    cache="also delete root file systems and Trivy's databases",
)
def clean(_c: Context, registry: bool = False, cache: bool = False) -> None:
    """Remove what the factory made: images, leftovers, .factory/."""
    from factory.clean import clean as remove

    for line in remove(settings_here(), registry=registry, cache=cache):
        warn(line)


@command(check="only compare; exit 2 if the committed schemas are out of date")
def schema(_c: Context, check: bool = False) -> None:
    """Write the JSON Schemas of matrix.yaml and image.yaml for editors."""
    from factory.schemas import write_schemas

    for path in write_schemas(settings_here().root / "docs", check=check):
        warn(f"wrote {path}")


_measuring = task(
    klass=NamedTask,
    positional=["name"],
    iterable=["only"],
    help={
        "name": "which one; without it, they are listed",
        "only": "only cells or builds that match this glob (repeatable); no figure is committed",
    },
    auto_shortflags=False,
)


def _measure(entries: Mapping[str, Entry], name: str | None, only: Sequence[str] | None) -> None:
    from benchmarks import catalogue

    if name is None:
        show(catalogue.listing(entries), dict, "text")
        return
    figure = catalogue.measure(
        entries, name, settings_here(), Selection(only=tuple(only or ())), warn
    )
    show(figure.text(), dict, "text")
    if figure.exit_code:
        raise Exit(code=figure.exit_code)


@_measuring
def bench(_c: Context, name: str | None = None, only: Sequence[str] | None = None) -> None:
    """Measure the factory beside its alternative; exit 1 where a target is missed."""
    from benchmarks.catalogue import BENCHES

    _measure(BENCHES, name, only)


@_measuring
def soak(_c: Context, name: str | None = None, only: Sequence[str] | None = None) -> None:
    """Prove what takes too long for the tests."""
    from benchmarks.catalogue import SOAKS

    _measure(SOAKS, name, only)


ns = Collection(
    *(matrix, plan, explain, render, export.plain_bake, lint, build, scan, verify, publish),
    *(release, audit, adopt, promote, runs, rollback, gc, status, doctor, clean, db, diff),
    *(lock, outdated, schema, bench, soak),
    cluster.run,
)
ns.add_collection(cluster.ns)
ns.add_collection(export.ns)
check_call(ns)
