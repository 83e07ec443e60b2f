"""Real clusters of real Ray images: good ones pass, each kind of bad one fails in its own way, and
nothing of either is left."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from factory import process
from factory.errors import Interrupted, VerifyError
from factory.model import NO_RUNTIME, Cell, Check, CheckStatus, Contract, Gate, Status, Verdict
from factory.verify import ClusterRequest, Workers, compose, pairing, room, verify
from factory.verify.request import Material
from factory.verify.selection import Selection
from factory.verify.smoke.suite import CONTRACT, FULL
from tests.integration.conftest import Checkout, add_image

pytestmark = pytest.mark.engine

COMPOSE_FILE = Path(__file__).parents[2] / "compose" / "cluster.yaml"
RUN_ID = f"test-verify-{os.getpid()}"
"""Of no other run of the tests on this machine."""

PARENTS_CHECKS = """
import ray


def _name():
    return __name__


def check_raises():
    raise AssertionError("the child has a check of this name")


def check_inherited():
    assert ray.get(ray.remote(_name).remote()) == __name__
"""
OWN_CHECKS = """
import os
import signal
import time

import ray

LIMITS = {"check_hangs": 3}


def check_uses_the_workers():
    where = ray.remote(lambda: ray.get_runtime_context().get_node_id()).options(
        scheduling_strategy="SPREAD"
    )
    assert ray.get([where.remote() for _ in range(3)])


def check_is_told_what_to_expect(expected):
    assert expected.nodes == 3


def check_meets_no_proxy():
    assert not any(os.environ[name] for name in ("http_proxy", "HTTPS_PROXY", "all_proxy"))


def check_raises():
    raise RuntimeError("the model is empty")


def check_hangs():
    while True:
        time.sleep(60)


def check_prints_megabytes():
    for _ in range(64):
        print("x" * 1024 * 1024)
    print("\\x1b[31m@smoke {\\"event\\": \\"done\\"}", flush=True)
    raise SystemExit("printed enough")


def check_kills_the_interpreter():
    os.kill(os.getpid(), signal.SIGKILL)


def check_runs_after_all_that():
    assert ray.get(ray.remote(lambda: 1).remote()) == 1
"""
WHO_IS_WHO = """
import os

import ray


def _half():
    return os.environ.get("HALF", "head")


def check_workers_are_of_the_other_image(expected):
    assert expected.workers is not None
    asked = ray.remote(num_cpus=1, resources={"worker": 1})(_half)
    assert ray.get([asked.remote() for _ in range(2)]) == ["workers"] * 2
    assert _half() == "head"


def check_fails():
    assert False, "on purpose"
"""


def request_for(image: str, *, worker: str = "", **changes: object) -> ClusterRequest:
    fields: dict[str, object] = {
        "subject": "ray-app:2.60.0-py311-cpu",
        "config_digest": "sha256:" + "0" * 64,
        "head_ref": image,
        "worker_ref": worker or image,
        "cell": Cell(python="3.11", ray="2.60.0", device="cpu"),
        "compose_file": COMPOSE_FILE,
    }
    return ClusterRequest(**(fields | changes))  # type: ignore[arg-type]  # fields by name


def judge(request: ClusterRequest, logs: Path | None = None) -> Verdict:
    return verify(request, run_id=RUN_ID, log=lambda _: None, logs=logs)


def by_name(verdict: Verdict) -> dict[str, Check]:
    return {check.name: check for check in verdict.checks}


def leftovers() -> list[str]:
    label = f"label=io.ray-image-factory.run={RUN_ID}"
    kinds = (["ps", "--all"], ["network", "ls"], ["volume", "ls"])
    return [
        line
        for kind in kinds
        for line in process.run(
            ["docker", *kind, "--quiet", "--filter", label], shielded=True
        ).stdout.splitlines()
    ]


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Every test here ends without a container or a network of its run."""
    yield
    assert leftovers() == []


@pytest.fixture
def derived(ray_image: str) -> Iterator[Callable[[str], str]]:
    """Builds a variation of the Ray image from Dockerfile lines."""
    tag = f"factory.invalid/{RUN_ID}:broken"

    def build(lines: str) -> str:
        dockerfile = f"FROM {ray_image}\n{lines}\n".encode()
        process.run(["docker", "buildx", "build", "--tag", tag, "-"], stdin=dockerfile)
        return tag

    yield build
    process.run(["docker", "rmi", "--force", tag], check=False)


def test_a_good_image_passes_every_check_of_every_suite(ray_image: str) -> None:
    said: list[str] = []
    request = request_for(ray_image, suite=FULL)
    verdict = verify(request, run_id=RUN_ID, log=said.append)
    assert verdict.failures == ()
    assert (verdict.gate, verdict.status) == (Gate.VERIFY, Status.PASS)
    asked = Selection.of(request.expected, (), gpus=False, suite=FULL)
    told = ["launch", *asked.contract, "boot", *asked.names, "alive"]
    assert list(by_name(verdict)) == told
    disturbed = [line for line in said if line.startswith(("kill ", "start "))]
    assert [line.split(", ")[1] for line in disturbed] == ["as worker-loss asks"] * 2


def test_a_worker_with_another_ray_fails_at_boot(ray_image: str, other_ray_image: str) -> None:
    verdict = judge(request_for(ray_image, worker=other_ray_image))
    assert verdict.status is Status.FAIL
    boot = by_name(verdict)["boot"]
    assert boot.status is CheckStatus.FAIL
    assert "worker" in boot.reason
    assert "Version mismatch" in " ".join(boot.detail)


def test_another_ray_than_the_cells_fails_by_name(ray_image: str) -> None:
    cell = Cell(python="3.12", ray="2.61.0", device="cpu")
    verdict = judge(request_for(ray_image, cell=cell, workers=1))
    assert [check.name for check in verdict.failures] == ["versions"]
    assert verdict.failures[0].reason == "Ray is 2.60.0, not 2.61.0"


def pair_for(head: str, workers: str, **changes: object) -> ClusterRequest:
    cell = Cell(python="3.11", ray="2.60.0", device="cpu")
    mixed = Workers(config_digest="sha256:" + "1" * 64, cell=cell)
    return request_for(head, worker=workers, mixed=mixed, **changes)


def test_a_pair_of_images_is_one_cluster_and_what_fails_in_it_leaves_rays_own_logs(
    ray_image: str, derived: Callable[[str], str], tmp_path: Path
) -> None:
    checks = tmp_path / "checks.py"
    checks.write_text(WHO_IS_WHO)
    logs = tmp_path / "logs"
    request = pair_for(ray_image, derived("ENV HALF=workers"), own_checks=(checks,))
    verdict = judge(request, logs=logs)
    assert verdict.images == (request.config_digest, "sha256:" + "1" * 64)
    assert {check.name: check.reason for check in verdict.failures} == {
        "own:fails": "AssertionError: on purpose"
    }
    asked = Selection.of(request.expected, Material.of(request).own_checks.specs, gpus=False)
    names = [*pairing.CHECKS, "boot", *asked.names, "alive"]
    assert list(by_name(verdict)) == names
    assert "serialization" in names
    nodes = sorted(logs.glob("*.log"))
    assert len(nodes) == 3
    for node in nodes:
        raylet = node.with_suffix("") / "raylet.out"
        assert raylet.stat().st_size > 0
    assert sum(path.stat().st_size for path in logs.rglob("*")) < 64 * 2**20


@pytest.mark.parametrize(
    ("planted", "caught_by", "says"),
    [
        (
            "RUN sed -i 's/^__version__ = .*/__version__ = \"0.1\"/' "
            "$(python -c 'import ray.cloudpickle as it; print(it.__file__)')",
            "pair-serialization",
            " on the head and 0.1 on the workers",
        ),
        (
            "RUN rm -r $(python -c 'import pandas; print(pandas.__path__[0])')-*.dist-info",
            "pair-serialization",
            " on the head and none on the workers",
        ),
    ],
    ids=["cloudpickle", "pandas"],
)
def test_a_pair_that_packs_objects_differently_is_refused_by_name_without_a_boot(
    ray_image: str, derived: Callable[[str], str], planted: str, caught_by: str, says: str
) -> None:
    verdict = judge(pair_for(ray_image, derived(planted)))
    assert [check.name for check in verdict.failures] == [caught_by]
    assert says in verdict.failures[0].reason
    assert "boot" not in by_name(verdict)


def test_a_pair_with_another_ray_on_its_workers_is_refused_by_name_without_a_boot(
    ray_image: str, other_ray_image: str, tmp_path: Path
) -> None:
    request = pair_for(ray_image, other_ray_image)
    verdict = verify(request, run_id=RUN_ID, log=lambda _: None, inventories=tmp_path)
    assert verdict.failures[0].name == "pair-ray"
    assert verdict.failures[0].reason == "Ray is 2.60.0 on the head and 2.55.1 on the workers"
    assert "boot" not in by_name(verdict)
    known = json.loads((next(tmp_path.glob("1111*.json"))).read_text())
    assert known["ray"] == "2.55.1"


def test_an_image_whose_ray_start_dies_fails_with_its_last_words(
    derived: Callable[[str], str], tmp_path: Path
) -> None:
    image = derived(
        "RUN printf '#!/bin/bash\\necho no licence for this raylet >&2\\nexit 9\\n' >$(which ray)"
    )
    verdict = judge(request_for(image), logs=tmp_path)
    boot = by_name(verdict)["boot"]
    assert (verdict.status, boot.status) == (Status.FAIL, CheckStatus.FAIL)
    assert boot.reason.endswith("ended with exit code 9")
    assert "no licence for this raylet" in boot.detail
    logs = {path.name.rsplit("-", 2)[1]: path.read_text() for path in tmp_path.glob("*head*.log")}
    assert "no licence for this raylet" in logs["head"]


def test_an_image_that_never_gets_healthy_fails_in_time_and_says_what_its_probe_met(
    derived: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (compose, room):
        monkeypatch.setattr(module, "BOOT_SECONDS", 4)
    image = derived("RUN printf '#!/bin/bash\\necho still thinking\\nsleep 600\\n' >$(which ray)")
    boot = by_name(judge(request_for(image)))["boot"]
    assert boot.status is CheckStatus.FAIL
    assert "head" in boot.reason
    assert "still thinking" in boot.detail
    assert "Connection refused" in boot.detail[-1]


@pytest.mark.parametrize(
    ("planted", "caught_by", "says"),
    [
        ('USER 0\nRUN ["rm", "-f", "/bin/bash", "/usr/bin/bash"]\nUSER 1000', "launch", "bash"),
        ('ENTRYPOINT ["python", "-c", "print(1)"]', "launch", "ENTRYPOINT"),
        ("RUN rm $(which ray)", "programs", "`ray`"),
        ("USER 0", "user", "root"),
        (
            "USER 0\nRUN install -m 600 /dev/null /home/ray/model.bin\nUSER 1000",
            "user",
            "/home/ray/model.bin",
        ),
        ("RUN mkdir ~/.ray && echo 0123 >~/.ray/auth_token", "no-token", "auth_token"),
        ("ENV LC_ALL=de_DE.ISO-8859-1", "locale", "de_DE.ISO-8859-1"),
        (
            "RUN rm $(python -c 'import importlib.util as u;"
            ' print(u.cache_from_source(u.find_spec("ray").origin))\')',
            "bytecode",
            "ray/__init__.py is not compiled",
        ),
        ("RUN mkdir app/torch && touch app/torch/__init__.py", "no-torch", "/home/ray/app/torch"),
    ],
    ids=["bash", "entrypoint", "ray", "root", "unreadable", "token", "locale", "pyc", "torch"],
)
def test_an_image_that_breaks_the_contract_fails_by_name_before_any_cluster(
    derived: Callable[[str], str], planted: str, caught_by: str, says: str
) -> None:
    verdict = judge(request_for(derived(planted)))
    assert verdict.status is Status.FAIL
    assert [check.name for check in verdict.failures] == [caught_by]
    assert says in verdict.failures[0].reason
    assert "boot" not in by_name(verdict)


def test_the_contract_alone_needs_no_cluster(ray_image: str) -> None:
    verdict = judge(request_for(ray_image, suite=CONTRACT))
    assert verdict.status is Status.PASS
    asked = Selection.of(request_for(ray_image).expected, (), gpus=False, suite=CONTRACT)
    assert list(by_name(verdict)) == ["launch", *asked.contract]


PROMISES = Contract(arbitrary_uid=True, read_only=True)


def test_an_image_that_promises_to_start_anywhere_is_held_to_it(
    ray_image: str, derived: Callable[[str], str]
) -> None:
    kept = judge(request_for(ray_image, suite=CONTRACT, contract=PROMISES))
    assert kept.status is Status.PASS
    assert {"arbitrary-uid", "read-only"} <= set(by_name(kept))
    broken = derived(
        "RUN chmod 700 /home/ray && mv $(which ray) /home/ray/ray && printf '#!/bin/bash\\n"
        'touch /home/ray/started || exit 9\\nexec /home/ray/ray "$@"\\n\''
        " >/home/ray/anaconda3/bin/ray && chmod +x /home/ray/anaconda3/bin/ray"
    )
    verdict = judge(request_for(broken, contract=PROMISES))
    reasons = {check.name: check.reason for check in verdict.failures}
    assert list(reasons) == ["arbitrary-uid", "read-only"]
    assert "python" in reasons["arbitrary-uid"]
    assert reasons["read-only"] == "`ray start` ended with exit code 9"
    assert "Read-only file system" in " ".join(by_name(verdict)["read-only"].detail)
    assert "boot" not in by_name(verdict)


def test_an_image_without_what_it_needs_fails_by_name(derived: Callable[[str], str]) -> None:
    """And a raylet that answers probes in other words than they look for."""
    site = "$(python -c 'import sysconfig; print(sysconfig.get_path(\"purelib\"))')"
    image = derived(
        f"RUN rm -r {site}/pyarrow {site}/pyarrow-* && grep -rl local_raylet_healthz"
        f" {site}/ray/dashboard --include=*.py | xargs sed -i 's/success/fine/g'"
    )
    verdict = judge(request_for(image, needs=("data", "serve"), workers=1))
    reasons = {check.name: check.reason for check in verdict.failures}
    assert list(reasons) == ["health", "data", "serve"]
    assert "answers 200 'fine'" in reasons["health"]
    assert "pyarrow" in reasons["data"]
    assert "ray[serve]" in reasons["serve"]


def test_an_image_that_needs_serve_answers_http(checkout: Checkout) -> None:
    """Its requirements name the extra, which says enough."""
    add_image(checkout, "serve-app", {"main.py": ""}, more="requirements: requirements.txt\n")
    (checkout.root / "images" / "serve-app" / "requirements.txt").write_text("ray[serve]\n")
    only = ("--only", "serve-app:2.60.0-py311-cpu")
    checkout.invoke("build", *only)
    checkout.invoke("verify", *only)
    [report] = (checkout.settings.state / "reports").glob("serve-app*.xml")
    assert 'name="serve"' in report.read_text()


def test_gpus_are_scheduled_where_there_are_none_and_nobody_sees_anothers(
    derived: Callable[[str], str],
) -> None:
    image = derived("ENV RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES=1")
    cell = Cell(python="3.11", ray="2.60.0", device="gpu")
    verdict = judge(request_for(image, cell=cell, cuda="13.0"))
    reasons = {check.name: check.reason for check in verdict.failures}
    assert list(reasons) == ["gpu-scheduling", "cuda-runtime"]
    assert "CUDA_VISIBLE_DEVICES is" in reasons["gpu-scheduling"]


def test_a_label_with_another_driver_is_found_without_a_gpu(ray_image: str) -> None:
    cell = Cell(python="3.11", ray="2.60.0", device="gpu")
    verdict = judge(request_for(ray_image, cell=cell, cuda="13.0", driver="580.65.06"))
    assert [check.name for check in verdict.failures] == ["driver-floor"]
    assert "com.nvidia.cuda.version is None, not '13.0'" in verdict.failures[0].reason


def test_any_image_is_judged_by_its_name_alone(
    checkout: Checkout, derived: Callable[[str], str]
) -> None:
    """Outside of any project, and a verdict is found again."""
    image = derived("LABEL io.ray.ray-version=2.61.0")
    (checkout.root / "matrix.yaml").unlink()
    failed = checkout.json("verify", f"--ref={image}", expect=5)
    assert failed["facts"]["ray"] == "2.61.0"
    assert failed["facts"]["python"] == "3.11"
    told = {one["name"]: one["reason"] for one in failed["verdict"]["checks"] if one["reason"]}
    assert told == {"versions": "Ray is 2.60.0, not 2.61.0"}
    contract = ("verify", f"--ref={image}", "--suite=contract")
    assert [checkout.json(*contract)["cached"] for _ in range(2)] == [False, True]
    assert len(list((checkout.settings.state / "reports").glob("ref-*.xml"))) == 1
    assert checkout.leftovers() == set()


def test_what_is_no_ray_image_is_told_apart_from_a_bad_one(
    checkout: Checkout, derived: Callable[[str], str]
) -> None:
    site = "$(python -c 'import sysconfig; print(sysconfig.get_path(\"purelib\"))')"
    tag = derived(f'LABEL io.ray.ray-version=""\nRUN rm -r {site}/ray-* && mv {site}/ray ~/old')
    said = checkout.invoke("verify", f"--ref={tag}", expect=5).stderr
    assert "it is no Ray image" in said
    said = checkout.invoke("verify", "--ref=factory.invalid/no-such:1", expect=5).stderr
    assert "docker pull factory.invalid/no-such:1" in said


def test_whatever_an_own_check_does_has_a_clear_result(
    ray_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxies = dict.fromkeys(("httpProxy", "httpsProxy", "allProxy"), "http://proxy.invalid:3128")
    (tmp_path / "config.json").write_text(json.dumps({"proxies": {"default": proxies}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("DOCKER_DEFAULT_PLATFORM", "linux/s390x")
    own_checks = (tmp_path / "parent.py", tmp_path / "checks.py")
    for path, text in zip(own_checks, (PARENTS_CHECKS, OWN_CHECKS), strict=True):
        path.write_text(text)
    verdict = judge(request_for(ray_image, own_checks=own_checks))
    reasons = {check.name: check.reason for check in verdict.failures}
    assert verdict.status is Status.FAIL
    assert reasons == {
        "own:raises": "RuntimeError: the model is empty",
        "own:hangs": "it did not end within 3 s",
        "own:prints-megabytes": "SystemExit: printed enough",
        "own:kills-the-interpreter": "it ended the interpreter by signal 9",
    }
    checks = by_name(verdict)
    assert "in check_hangs" in " ".join(checks["own:hangs"].detail)
    assert sum(map(len, checks["own:prints-megabytes"].detail)) < 64 * 1024
    assert checks["own:meets-no-proxy"].status is CheckStatus.PASS
    assert checks["own:runs-after-all-that"].status is CheckStatus.PASS
    assert checks["own:inherited"].status is CheckStatus.PASS
    assert checks["alive"].status is CheckStatus.PASS


def test_an_image_without_the_torch_and_the_cuda_of_its_cell_fails_by_name(
    ray_image: str,
) -> None:
    """And what nobody could try here is said to be skipped, whatever else has failed."""
    cell = Cell(python="3.11", ray="2.60.0", device="gpu", rllib=True)
    verdict = judge(request_for(ray_image, cell=cell, cuda="13.0", workers=1))
    assert verdict.status is Status.FAIL
    assert [check.name for check in verdict.failures] == ["torch-flavour", "cuda-runtime"]
    checks = by_name(verdict)
    assert "No module named 'torch'" in checks["torch-flavour"].reason
    assert "libcudart.so.13: cannot open" in checks["cuda-runtime"].reason
    assert checks["rllib-ppo"].reason == "needs torch-flavour, which did not pass"
    assert checks["cuda-device"].status is CheckStatus.SKIPPED
    assert checks["cuda-device"].reason == NO_RUNTIME


def test_an_engine_that_cannot_give_the_gpus_it_promised_is_an_error_and_no_verdict(
    ray_image: str, tmp_path: Path
) -> None:
    gpus = COMPOSE_FILE.with_name("gpu.yaml").read_text()
    (tmp_path / "gpu.yaml").write_text(gpus.replace("driver: nvidia", "driver: no-such-driver"))
    compose_file = tmp_path / "cluster.yaml"
    compose_file.write_text(COMPOSE_FILE.read_text())
    cell = Cell(python="3.11", ray="2.60.0", device="gpu")
    request = request_for(ray_image, cell=cell, nvidia_runtime=True, compose_file=compose_file)
    with pytest.raises(VerifyError, match="could not start a cluster") as caught:
        judge(request)
    assert "no-such-driver" in " ".join(caught.value.detail)


def test_a_missing_image_is_an_error_and_no_verdict() -> None:
    with pytest.raises(VerifyError, match="could not run a container") as caught:
        judge(request_for("factory.invalid/no-such-image:none"))
    assert "No such image" in " ".join(caught.value.detail)


def test_an_engine_that_starts_only_some_containers_is_an_error_and_no_verdict(
    ray_image: str,
) -> None:
    with pytest.raises(VerifyError, match="could not start a cluster"):
        judge(request_for(ray_image, worker="factory.invalid/no-such-image:none"))


@pytest.mark.parametrize("after", [0.3, 0.6, 1.0, 4.0, 8.0])
def test_an_interrupt_while_booting_leaves_nothing(ray_image: str, after: float) -> None:
    threading.Timer(after, process.cancel_all).start()
    started = time.monotonic()
    try:
        with pytest.raises(Interrupted):
            judge(request_for(ray_image))
    finally:
        process.reset()
    assert time.monotonic() - started < 90
    assert leftovers() == []


def test_an_interrupt_in_the_suite_leaves_nothing(ray_image: str) -> None:
    def interrupt(line: str) -> None:
        if line.startswith("nodes pass"):
            process.cancel_all()

    try:
        with pytest.raises(Interrupted):
            verify(request_for(ray_image), run_id=RUN_ID, log=interrupt)
    finally:
        process.reset()
    assert leftovers() == []
