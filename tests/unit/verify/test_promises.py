"""What images promise and need: how a container is started for it, and what counts as kept."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from factory.model import Cell, Contract
from factory.verify import ClusterRequest, bare, labels
from factory.verify.selection import Selection
from factory.verify.smoke.checks import probe, start
from factory.verify.smoke.checks.data import expected_sums
from factory.verify.smoke.checks.flavour import misfit as misfit_of_torch
from factory.verify.smoke.checks.gpus import misgiven
from factory.verify.smoke.checks.versions import misfit
from factory.verify.smoke.protocol import Expected

REQUEST = ClusterRequest(
    subject="ray-app:2.60.0-py311-cpu",
    config_digest="sha256:" + "a" * 64,
    head_ref="ray-app:1",
    worker_ref="ray-app:1",
    cell=Cell(python="3.11", ray="2.60.0", device="cpu"),
    compose_file=Path("cluster.yaml"),
)
BOTH = Contract(arbitrary_uid=True, read_only=True, writable=("/data", "/tmp"))  # the container's
EXPECTED = Expected(nodes=3, ray="2.60.0", python="3.11")


def selected(request: ClusterRequest, suite: str = "quick") -> Selection:
    return Selection.of(request.expected, (), gpus=False, suite=suite)


def test_a_promise_is_tried_in_every_suite_and_only_where_it_is_made() -> None:
    assert selected(REQUEST).alone == ()
    for suite in ("contract", "quick", "full"):
        promised = selected(replace(REQUEST, contract=BOTH), suite)
        assert promised.alone == ("arbitrary-uid", "read-only")
        assert not {*promised.alone} & {*promised.contract, *promised.names}


def test_data_and_serve_are_asked_where_they_are_needed() -> None:
    assert not {"data", "serve"} & {*selected(REQUEST).names}
    assert "serve" in selected(replace(REQUEST, needs=("serve",))).names
    assert "data" not in selected(replace(REQUEST, needs=("serve",))).names


def test_any_user_is_another_one_every_time_and_in_group_0() -> None:
    users = {
        one
        for _ in range(20)
        for one in bare.options("arbitrary-uid", REQUEST)
        if one.startswith("--user=")
    }
    assert len(users) > 1
    assert all(one.endswith(":0") and int(one[7:-2]) >= 100_000 for one in users)


def test_on_a_read_only_root_only_what_was_named_is_writable_and_programs_run_there() -> None:
    given = bare.options("read-only", replace(REQUEST, contract=BOTH))
    assert "--read-only" in given
    mounts = [one.removeprefix("--tmpfs=").split(":") for one in given if one.startswith("--tmpfs")]
    assert [folder for folder, _ in mounts] == ["/tmp", "/data"]  # the container's
    assert all("exec" in how.split(",") for _, how in mounts)


def test_what_ray_logged_of_a_failure_is_told_since_the_container_is_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old").mkdir()
    for name in ("raylet.out", "gcs_server.err", "session.json"):
        lines = [f"[I] {name} begins", *(f"[E] {name} error {number}" for number in range(9))]
        (tmp_path / name).write_text("\n".join(lines), "utf-8")
    monkeypatch.setattr(start, "_LOGS", tmp_path)
    said = [f"{name}: [E] {name} error {at}" for name in ("gcs_server.err", "raylet.out")
            for at in (6, 7, 8)]  # fmt: skip  # the last three of each
    assert list(start._logged()) == said


def test_other_checks_change_nothing_of_a_container() -> None:
    assert bare.options("user", REQUEST) == ()


# --------------------------------------------------------------------- labels

LABELS = {labels.CUDA: "13.0", labels.DRIVER: "580.65.06"}


def test_labels_that_name_the_cuda_and_its_driver_are_no_complaint() -> None:
    assert labels.complaint(LABELS, cuda="13.0", driver="580.65.06") == ""


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({labels.DRIVER: "535.54.03"}, "'535.54.03', not '580.65.06'"),
        ({labels.CUDA: "12.8"}, "'12.8', not '13.0'"),
        ({labels.CUDA: None}, "is None"),
    ],
)
def test_a_label_that_is_missing_or_names_another_is_named(
    changed: dict[str, str], says: str
) -> None:
    said = labels.complaint(LABELS | changed, cuda="13.0", driver="580.65.06")
    assert says in said
    assert next(iter(changed)) in said


def test_an_image_that_need_not_name_a_driver_is_not_asked() -> None:
    assert labels.checks(REQUEST) == ()


# --------------------------------------------------- what checks make of what they find


@pytest.mark.parametrize(
    ("ray", "python", "says"),
    [
        ("2.60.0", "3.11.4", ""),
        ("2.61.0", "3.11.4", "Ray is 2.61.0, not 2.60.0"),
        ("2.60.0", "3.12.1", "Python is 3.12.1, not 3.11"),
    ],
)
def test_versions_are_held_against_those_that_somebody_said(
    ray: str, python: str, says: str
) -> None:
    assert misfit(ray, python, EXPECTED) == says
    assert misfit(ray, python, replace(EXPECTED, ray="", python="")) == ""


def test_of_an_image_that_nobody_describes_other_cudas_beside_torchs_are_its_own_affair() -> None:
    found = {"error": "", "torch": "2.13.0", "cuda": "12.8", "copies": ["a", "b"], "loaded": []}
    assert misfit_of_torch(found, "12.8", alone=False) == ""
    assert "2 CUDA runtimes" in misfit_of_torch(found, "12.8")
    assert misfit_of_torch(found, "13.0", alone=False)


@pytest.mark.parametrize(
    ("given", "visible", "says"),
    [
        (["0"], "0", ""),
        ([], "", "given 0 GPUs"),
        (["0", "1"], "0,1", "given 2 GPUs"),
        (["1"], "0,1", "is '0,1'"),
        (["0"], "", "is ''"),
    ],
)
def test_something_with_one_gpu_sees_that_one_alone(
    given: list[str], visible: str, says: str
) -> None:
    assert (says in misgiven(given, visible)) if says else not misgiven(given, visible)


def test_the_sums_of_all_groups_are_those_of_all_rows() -> None:
    assert sum(expected_sums().values()) == sum(2 * number for number in range(4000))


@pytest.fixture
def endpoint() -> Iterator[str]:
    """Answers with the status and the text that the path asks for, as /200/success."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, status, text = self.path.split("/")
            self.send_response(int(status))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("200/success", ""),
        ("200/fine", "answers 200 'fine'"),
        ("503/success", "answers 503"),
    ],
)
def test_a_probe_wants_both_a_status_and_a_word(endpoint: str, path: str, says: str) -> None:
    said = probe.complaint(f"{endpoint}/{path}")
    assert (says in said) if says else not said


def test_a_port_that_nobody_listens_at_is_a_complaint() -> None:
    assert "does not answer" in probe.complaint("1/api")
