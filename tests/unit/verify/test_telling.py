"""What is heard while the suite runs, and what is done for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from factory.model import Cell
from factory.process import Completed
from factory.verify import ClusterRequest
from factory.verify.request import Material
from factory.verify.smoke.protocol import PREFIX
from factory.verify.telling import Telling, broken_off

HOST = "0123456789ab"


class Heard:
    """A suite of two checks, one of which may have a worker killed and started."""

    def __init__(self, folder: Path) -> None:
        (folder / "cluster.yaml").write_text("services: {}\n")
        request = ClusterRequest(
            subject="ray-app:2.60.0-py311-cpu",
            config_digest="sha256:" + "a" * 64,
            head_ref="ray-app:1",
            worker_ref="ray-app:1",
            cell=Cell(python="3.11", ray="2.60.0", device="cpu"),
            compose_file=folder / "cluster.yaml",
        )
        self.log: list[str] = []
        self.done: list[tuple[str, str]] = []
        names = ("nodes", "worker-loss")
        self.telling = Telling.of(
            request, Material.of(request), names, self.log.append, self._disturb
        )

    def _disturb(self, what: str, host: str) -> None:
        self.done.append((what, host))

    def say(self, event: str, **fields: object) -> None:
        nonce = self.telling.transcript.nonce
        self.telling.hear(f"{PREFIX}{nonce} " + json.dumps({"event": event, **fields}))


@pytest.fixture
def heard(tmp_path: Path) -> Heard:
    return Heard(tmp_path)


def test_a_check_that_ends_is_told_at_once(heard: Heard) -> None:
    heard.say("begin", check="nodes", limit=60)
    heard.say("end", check="nodes", status="fail", seconds=1.25, reason="2 of 3", detail=[])
    assert heard.log == ["nodes fail 1.2 s: 2 of 3"]


def test_what_the_loss_of_a_worker_asks_for_is_done_and_told(heard: Heard) -> None:
    heard.say("begin", check="worker-loss", limit=60)
    for what in ("kill", "start"):
        heard.say("ask", what=what, host=HOST)
    assert heard.done == [("kill", HOST), ("start", HOST)]
    assert heard.log[0] == f"kill {HOST}, as worker-loss asks"


def test_what_another_check_asks_for_is_neither_done_nor_forgiven(heard: Heard) -> None:
    heard.say("begin", check="nodes", limit=60)
    heard.say("ask", what="kill", host=HOST)
    assert heard.done == []
    assert "nodes asked" in heard.telling.transcript.trouble


def test_a_script_that_ended_well_did_not_break_off() -> None:
    ended = Completed(argv=(), code=0, stdout="", stderr="a warning", seconds=1.0)
    assert broken_off(ended) == ""


def test_a_script_that_broke_off_says_its_last_words() -> None:
    ended = Completed(argv=(), code=137, stdout="", stderr="one\ntwo\nKilled", seconds=1.0)
    assert broken_off(ended) == "the suite broke off with exit code 137: one / two / Killed"
