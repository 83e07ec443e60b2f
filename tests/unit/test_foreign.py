"""An image from anywhere: found, held against what this engine runs, judged once, and recorded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from factory import foreign, verify
from factory.console import Plain
from factory.engine import Engine, EngineImage
from factory.errors import ConfigError, VerifyError
from factory.foreign import Asked, judge
from factory.ledger import Ledger
from factory.model import NO_RUNTIME, Check, CheckStatus, Facts, Gate, Judged, Status, Verdict
from factory.report import documents, judged_text
from factory.settings import Settings
from factory.verify import ClusterRequest, basis

REF = "example.org:5000/my/ray:1"
DIGEST = "sha256:" + "c" * 64
IMAGE = EngineImage(
    id="sha256:" + "1" * 64, tags=(REF,), user="1000", env=(), labels={}, entrypoint=(),
    command=(), architecture="amd64", size=1,
)  # fmt: skip  # as the engine gives it
FACTS = Facts(ray="2.60.0", python="3.11", device="gpu", cuda="13.0", extras=("data",))
GOOD = (Check(name="boot", status=CheckStatus.PASS, seconds=1.0),)
BAD = (Check(name="boot", status=CheckStatus.FAIL, reason="head ended", detail=("no licence",)),)
PARTIAL = (*GOOD, Check(name="cuda-device", status=CheckStatus.SKIPPED, reason=NO_RUNTIME))


class FakeEngine:
    platform = "linux/amd64"

    def __init__(self, image: EngineImage | None) -> None:
        self._image = image

    def image(self, ref: str) -> EngineImage | None:
        return self._image if ref == REF else None

    def config_digest(self, ref: str) -> str:
        assert self._image
        assert ref == self._image.id
        return DIGEST


class World:
    """A machine whose engine and clusters are made up."""

    def __init__(self, root: Path) -> None:
        self.settings = Settings.from_environment(
            {"FACTORY_ROOT": str(root), "XDG_CACHE_HOME": str(root / "cache")}
        )
        self.image: EngineImage | None = IMAGE
        self.checks: tuple[Check, ...] = GOOD
        self.requests: list[ClusterRequest] = []
        self.pulled: list[str] = []

    def verify(self, request: ClusterRequest, **_: object) -> Verdict:
        self.requests.append(request)
        failed = any(check.status is CheckStatus.FAIL for check in self.checks)
        skipped = any(check.status is CheckStatus.SKIPPED for check in self.checks)
        status = Status.FAIL if failed else Status.PARTIAL if skipped else Status.PASS
        return Verdict(
            gate=Gate.VERIFY,
            config_digest=request.config_digest,
            basis=basis(request),
            status=status,
            partial=(NO_RUNTIME,) if status is Status.PARTIAL else (),
            checks=self.checks,
            seconds=1.0,
            at="2026-11-28T12:00:00+00:00",
        )

    def judge(self, **asked: Any) -> tuple[Judged, int]:
        with Plain(self.settings.state / "logs") as observer:
            return judge(self.settings, Asked(**({"ref": REF} | asked)), observer)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    monkeypatch.setattr(Engine, "connect", lambda: FakeEngine(made.image))
    monkeypatch.setattr(foreign, "reap", lambda *_: ())
    monkeypatch.setattr(foreign, "pull", lambda ref, *_: made.pulled.append(ref))
    monkeypatch.setattr(verify, "facts_of", lambda *_, **__: FACTS)
    monkeypatch.setattr(verify, "nvidia_runtime", lambda: False)
    monkeypatch.setattr(verify, "verify", made.verify)
    return made


def test_it_is_judged_as_what_it_was_found_to_be(world: World) -> None:
    judged, code = world.judge()
    [request] = world.requests
    assert (code, judged.verdict.status, judged.cached) == (0, Status.PASS, False)
    assert (request.cell.ray, request.cell.python, request.cell.device) == ("2.60.0", "3.11", "gpu")
    assert (request.cuda, request.declared, request.own_checks) == ("13.0", False, ())
    assert request.head_ref == request.worker_ref == IMAGE.id, "a tag could be moved meanwhile"


def test_a_pass_is_found_again_and_another_topology_is_another_verdict(world: World) -> None:
    world.judge()
    assert world.judge()[0].cached
    assert len(world.requests) == 1
    assert not world.judge(suite="full")[0].cached
    (world.settings.root / "matrix.yaml").write_text(
        'axes: {python: ["3.11"], ray: ["2.60.0"]}\nbase: {source: packages, epoch: "2026-11"}\n'
        "targets: {local: {kind: local}}\nverify: {workers: 1}\n"
    )
    judged, _ = world.judge()
    assert (judged.cached, judged.workers) == (False, 1)


@pytest.mark.parametrize("checks", [BAD, PARTIAL], ids=["failed", "partial"])
def test_all_but_a_pass_is_tried_anew(world: World, checks: tuple[Check, ...]) -> None:
    world.checks = checks
    world.judge()
    world.checks = GOOD
    judged, code = world.judge()
    assert (judged.verdict.status, code) == (Status.PASS, 0)


def test_a_failure_has_its_code_its_checks_and_a_report(world: World) -> None:
    world.checks = BAD
    judged, code = world.judge()
    assert code == 5
    text = judged_text(judged)
    assert "✗ boot" in text
    assert "no licence" in text
    assert text.endswith("verify failed: boot")
    [report] = (world.settings.state / "reports").iterdir()
    assert report.name == "ref-example.org_5000_my_ray_1.xml"
    assert "head ended" in report.read_text()


def test_a_gpu_that_is_required_and_not_there_is_a_failure_of_the_run_alone(world: World) -> None:
    world.checks = PARTIAL
    assert world.judge()[1] == 0
    judged, code = world.judge(require_gpu=True)
    assert (judged.verdict.status, code) == (Status.PARTIAL, 5)


def test_the_verdict_is_kept_by_the_images_digest_with_what_it_rests_on(world: World) -> None:
    world.judge()
    with Ledger.open(world.settings.state / "ledger.sqlite") as ledger:
        [verdict] = ledger.verdicts_of(Gate.VERIFY, DIGEST)
        parts = ledger.parts(verdict.basis)
    assert parts
    assert parts["expected"]["declared"] is False
    declared = basis(replace(world.requests[0], declared=True))
    assert verdict.basis != declared, "it must not stand in for what publishing wants"


def test_an_image_that_is_not_there_is_an_error_that_says_how_to_pull_it(world: World) -> None:
    world.image = None
    with pytest.raises(VerifyError, match="no such image") as refused:
        world.judge()
    assert f"docker pull {REF}" in refused.value.todo
    assert world.pulled == [], "nothing is pulled unasked"


def test_it_is_pulled_where_that_is_asked_for(world: World) -> None:
    world.judge(pull=True)
    assert world.pulled == [REF]


def test_an_image_for_another_platform_is_refused(world: World) -> None:
    world.image = replace(IMAGE, architecture="arm64")
    with pytest.raises(VerifyError, match="for linux/arm64, and the engine runs linux/amd64"):
        world.judge()


@pytest.mark.parametrize("ref", ["", "-v", "a b", "ray:1\n", "$(id)"])
def test_what_is_no_name_of_an_image_reaches_no_program(world: World, ref: str) -> None:
    with pytest.raises(ConfigError, match="no image's name"):
        world.judge(ref=ref)


def test_an_unknown_suite_is_refused_with_a_near_match(world: World) -> None:
    with pytest.raises(ConfigError, match="no suite 'qick'") as refused:
        world.judge(suite="qick")
    assert "quick" in refused.value.todo


def test_an_engine_that_fails_is_an_error_and_no_verdict(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> Verdict:
        raise VerifyError("the engine could not start a cluster")

    monkeypatch.setattr(verify, "verify", fails)
    with pytest.raises(VerifyError, match="could not start a cluster"):
        world.judge()


def test_the_text_and_the_document_say_what_it_was_judged_as(world: World) -> None:
    judged, _ = world.judge()
    assert judged_text(judged).splitlines()[0] == (
        f"{REF}: Ray 2.60.0, Python 3.11, gpu, CUDA 13.0, ray[data]"
    )
    document = documents.judged(judged)
    assert document["verdict"]["checks"][0]["name"] == "boot"
    assert "quick suite, a head and 2 workers" in judged_text(judged)
    assert "contract suite, no cluster" in judged_text(replace(judged, suite="contract"))
    unknown = replace(judged, facts=Facts(), cached=True)
    assert "Ray of an unknown version" in judged_text(unknown)
    assert documents.judged(unknown)["facts"]["ray"] is None
