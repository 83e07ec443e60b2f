"""What builds, as the Docker client tells it; and nobody waits for an answer that is not needed."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from factory import process
from factory.build import maker
from factory.build.client import BUILDX
from factory.errors import MachineError


def tells(monkeypatch: pytest.MonkeyPatch, client: Any) -> None:
    """Let the Docker client tell this of itself; text as it is."""
    said = client if isinstance(client, str) else json.dumps(client)
    completed = process.Completed(argv=("docker",), code=0, stdout=said, stderr="", seconds=0.1)
    monkeypatch.setattr(process, "run", lambda *_, **__: completed)


def test_buildx_is_started_where_the_client_says_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "docker-buildx"
    program.touch(mode=0o755)
    tells(monkeypatch, {"Context": "far", "Plugins": [{"Name": "buildx", "Path": str(program)}]})
    assert maker._docker_client() == ("far", (str(program),))


@pytest.mark.parametrize(
    "plugins",
    [None, [], [{"Name": "buildx"}], [{"Name": "buildx", "Path": "/nowhere/docker-buildx"}]],
)
def test_where_it_cannot_be_started_the_client_does(
    monkeypatch: pytest.MonkeyPatch, plugins: Any
) -> None:
    tells(monkeypatch, {"Plugins": plugins})
    assert maker._docker_client() == ("default", BUILDX)


@pytest.mark.parametrize("said", ["", "null", "[]", '{"Plugins": [{}]}', "Context: default"])
def test_a_client_that_tells_something_else_is_an_error(
    monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    tells(monkeypatch, said)
    with pytest.raises(MachineError, match="does not tell of itself"):
        maker._docker_client()


def test_an_answer_that_never_comes_keeps_nobody_from_leaving() -> None:
    never = threading.Event()
    answer = maker._beside(never.wait)
    time.sleep(0.01)
    assert not answer.done()
    assert all(thread.daemon for thread in threading.enumerate() if "run" in thread.name)
    never.set()
    assert answer.result(timeout=60) is True
