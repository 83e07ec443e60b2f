"""Boot, judge, take down: the order of a verification, and its clean-up whatever happens."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from factory.aside import Aside
from factory.compose import Container
from factory.errors import FactoryError, VerifyError
from factory.model import Check, CheckStatus, Verdict
from factory.process import Completed, ProcessFailed
from factory.verify import bare, labels
from factory.verify.cold import SCALES, Stopwatch
from factory.verify.compose import BOOT_SECONDS, Cluster
from factory.verify.events import line_of, printable, tidy
from factory.verify.keeping import keep_logs
from factory.verify.own_checks import OwnChecks
from factory.verify.pairing import Reader
from factory.verify.request import ClusterRequest, Material, basis
from factory.verify.selection import Selection
from factory.verify.smoke import own
from factory.verify.telling import Log, Telling, as_told, broken_off
from factory.verify.verdict import conclude

_GAVE_UP = "The current node timed out during startup"
"""What Ray prints if its node did not register within 30 seconds (``raylet_start_wait_time_s`` in
``ray/_private/node.py``, which nothing sets). Usually it takes three."""

SUITE_SECONDS = 1800.0
"""The whole suite's limit, behind those of its checks: it ends a suite that itself hangs."""


def verify(
    request: ClusterRequest,
    *,
    run_id: str,
    log: Log,
    logs: Path | None = None,
    inventories: Path | None = None,
    aside: Aside | None = None,
) -> Verdict:
    """Boot the image, or a pair of images, as a cluster, run the suite inside, and say what came of
    it.

    An image that fails, in whatever way, is a verdict. An engine that fails is an error, since
    it says nothing about the image.

    Args:
        run_id: the run that owns the containers and the network, as a label on them.
        log: is told, in a line each, what has been found so far.
        logs: a folder for the complete logs of every container, on a failure.
        inventories: a folder in which it is remembered what the images of pairs have.
        aside: takes the cluster down when all is found, so that nobody waits for that; whoever
            gives it waits at the end. Without it, the cluster is gone when this returns.

    Raises:
        VerifyError: the engine could not run a cluster, so that there is nothing to judge.
        MachineError: there is no Docker client.
        Interrupted: the run was cancelled.
    """
    started = time.monotonic()
    material = Material.of(request)
    with ExitStack() as ending:
        private = tempfile.TemporaryDirectory(prefix="cluster-", ignore_cleanup_errors=True)
        folder = ending.enter_context(private)
        files = tuple(Path(folder, path.name) for path in request.compose_files)
        for file, content in zip(files, material.compose, strict=True):
            file.write_bytes(content)
        cluster = ending.enter_context(_taken_down(Cluster.of(request, files, run_id), log))
        reader = Reader(request=request, run_id=run_id, folder=inventories)
        checks = _judge(cluster, material, reader, log)
        if _failed(checks):
            keep_logs(cluster, logs, log)
        if aside:
            aside(ending.pop_all().close)
    return conclude(
        request,
        basis=basis(request, material),
        checks=checks,
        seconds=round(time.monotonic() - started, 3),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


@contextmanager
def _taken_down(cluster: Cluster, log: Log) -> Iterator[Cluster]:
    """A cluster that is gone afterwards, whatever happens."""
    try:
        yield cluster
    except BaseException:
        _remove(cluster, log, settled=False)
        raise
    _remove(cluster, log, settled=True)


def _judge(cluster: Cluster, material: Material, reader: Reader, log: Log) -> tuple[Check, ...]:
    request = cluster.request
    selection = Selection.of(
        request.expected, material.own_checks.specs, gpus=request.gpus, suite=request.suite
    )
    single: tuple[Check, ...] = ()
    if request.mixed:
        single = reader.checks(log)
    elif not request.cold:
        single = _contract(cluster, material, selection, log)
    if not _failed(single):
        single += tuple(_alone(cluster, material, name, log) for name in selection.alone)
    if not selection.names or _failed(single):
        return single
    boot = _booted(cluster, log)
    log(line_of(boot))
    if boot.status is CheckStatus.FAIL:
        return (*single, boot)
    watch = Stopwatch(cluster=cluster)
    found = _suite(cluster, material, selection, watch, log)
    return (*single, boot, *found, _alive(cluster, watch.retired))


def _failed(checks: Sequence[Check]) -> bool:
    return any(check.status is CheckStatus.FAIL for check in checks)


def _contract(
    cluster: Cluster, material: Material, selection: Selection, log: Log
) -> tuple[Check, ...]:
    """What a single container shows: there is no use in a cluster of an image that fails here."""
    telling = Telling.of(cluster.request, material, selection.contract, log)

    def launched(seconds: float) -> None:
        log(line_of(_launch(seconds)))

    found = bare.run(
        cluster.request,
        telling.script,
        run_id=cluster.run_id,
        on_launch=launched,
        on_line=telling.hear,
    )
    if found.launched is None:
        failed = _launch(found.completed.seconds, found)
        log(line_of(failed))
        return (failed,)
    why = f"the container did not end within {bare.SECONDS:g} s" if found.late else ""
    checks = telling.transcript.checks(why or broken_off(found.completed))
    labelled = labels.checks(cluster.request)
    for check in labelled:
        log(line_of(check))
    return (_launch(found.launched), *labelled, *checks)


def _alone(cluster: Cluster, material: Material, name: str, log: Log) -> Check:
    """A check of a container that is started as only this one needs it."""
    started = time.monotonic()
    telling = Telling.of(cluster.request, material, [name], log)
    found = bare.run(
        cluster.request,
        telling.script,
        run_id=cluster.run_id,
        on_launch=lambda _: None,
        on_line=telling.hear,
        options=bare.options(name, cluster.request),
    )
    if found.launched is None:
        failed = replace(_launch(time.monotonic() - started, found), name=name)
        log(line_of(failed))
        return failed
    why = f"the container did not end within {bare.SECONDS:g} s" if found.late else ""
    check, *suite = telling.transcript.checks(why or broken_off(found.completed))
    if suite:  # it broke off before the check began, or told stories
        check = replace(check, status=CheckStatus.FAIL, reason=suite[0].reason)
        log(line_of(check))
    return check


def _launch(seconds: float, failed: bare.Bare | None = None) -> Check:
    """Whether the image runs what it is given."""
    return Check(
        name="launch",
        status=CheckStatus.FAIL if failed else CheckStatus.PASS,
        seconds=round(seconds, 3),
        reason=failed.why_not if failed else "",
        detail=tidy(failed.completed.tail) if failed else (),
    )


def _booted(cluster: Cluster, log: Log) -> Check:
    """The boot, or a second one where Ray gave up waiting for its own processes: that says as much
    about the machine as about the image, and what is wrong with the image is wrong twice."""
    boot = _boot(cluster)
    if boot.status is CheckStatus.PASS or not any(_GAVE_UP in line for line in boot.detail):
        return boot
    log(line_of(boot))
    log("booting once more: Ray gave up waiting for its own processes, as on a machine too busy")
    cluster.down()
    again = _boot(cluster)
    return again if again.reason else replace(again, reason="booted at the second try")


def _boot(cluster: Cluster) -> Check:
    """Every node becomes healthy; else, the log of the container to blame."""
    started = time.monotonic()
    try:
        booted = cluster.up_head(SCALES) if cluster.request.cold else cluster.up()
        late = False
    except ProcessFailed as failure:
        booted, late = failure.completed, True
    seconds = round(time.monotonic() - started, 3)
    if booted.code == 0 and not late:
        return Check(name="boot", status=CheckStatus.PASS, seconds=seconds)
    culprits = _culprits(cluster, booted, late=late or seconds >= BOOT_SECONDS)
    last_words = [
        line for item in culprits for line in (*cluster.log(item), *cluster.last_probe(item))
    ]
    return Check(
        name="boot",
        status=CheckStatus.FAIL,
        seconds=seconds,
        reason=culprits[0].fate,
        detail=tidy(last_words or booted.tail),
    )


def _culprits(cluster: Cluster, booted: Completed, *, late: bool) -> Sequence[Container]:
    """The containers that kept the cluster from booting.

    Raises:
        VerifyError: none did: it is the engine that failed, which says nothing about the image.
    """
    containers = cluster.containers()
    broken = [item for item in containers if item.broken]
    unhealthy = [item for item in containers if item.health == "unhealthy"]
    unready = [item for item in containers if item.health == "starting"] if late else []
    if culprits := broken or unhealthy or unready:
        return culprits
    raise VerifyError(
        "the engine could not start a cluster",
        where=cluster.request.subject,
        todo="mend what Docker reports, then verify again; `invoke doctor` may help",
        detail=tidy(booted.tail),
    )


def _suite(
    cluster: Cluster, material: Material, selection: Selection, watch: Stopwatch, log: Log
) -> tuple[Check, ...]:
    cold = cluster.request.cold
    telling = Telling.of(
        cluster.request,
        material,
        selection.names,
        log,
        watch.disturb if cold else cluster.disturb,
        watch.settled if cold else as_told,
    )
    try:
        why = broken_off(
            cluster.run_in_head(telling.script, timeout=SUITE_SECONDS, on_line=telling.hear)
        )
    except ProcessFailed:
        why = f"the suite did not end within {SUITE_SECONDS:g} s"
    if why or not telling.transcript.done:
        cluster.containers()  # an engine that does not answer broke the suite off, not the image
    for check in selection.skipped:
        log(line_of(check))
    return (
        *telling.transcript.checks(why),
        *_unusable(material.own_checks),
        *selection.skipped,
    )


def _unusable(own_checks: OwnChecks) -> tuple[Check, ...]:
    """The failure that an unusable file of own checks is."""
    if not own_checks.broken:
        return ()
    reason = f"the image's own checks cannot be read: {printable(own_checks.broken)}"
    return (Check(name=own.NAME, status=CheckStatus.FAIL, reason=reason),)


def _alive(cluster: Cluster, retired: Collection[str]) -> Check:
    """The suite leaves the cluster as it found it: no container has died meanwhile, but for those
    that were ended on purpose."""
    started = time.monotonic()
    broken = [it for it in cluster.containers() if it.broken and it.name not in retired]
    return Check(
        name="alive",
        status=CheckStatus.FAIL if broken else CheckStatus.PASS,
        seconds=round(time.monotonic() - started, 3),
        reason="; ".join(container.fate for container in broken),
        detail=tidy(line for container in broken for line in cluster.log(container)),
    )


def _remove(cluster: Cluster, log: Log, *, settled: bool) -> None:
    """Take the cluster down; twice if it was broken off, since the engine may still have been
    creating what it was last asked for. What cannot be removed is left to the next run: it must
    not cost a verdict, or hide why there is none."""
    trouble = ""
    for _ in range(1 if settled else 2):
        try:
            removed = cluster.down()
            trouble = " / ".join(tidy(removed.tail)[-3:]) if removed.code else ""
        except FactoryError as error:
            trouble = error.what
    if trouble:
        log(f"{cluster.project} could not be removed: {trouble}")
