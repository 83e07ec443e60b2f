"""What is tried again of what `docker push` gave up on, and how long is waited before."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.errors import PublishError
from factory.publish import move

PASSING = [
    "unexpected status from PUT request to http://h/v2/x/blobs/uploads/1: 429 Too Many Requests",
    "received unexpected HTTP status: 503 Service Unavailable",
    'failed to do request: Put "http://h/v2": read tcp 1->2: read: connection reset by peer',
    'failed to copy: failed to do request: Put "https://h/v2/x": EOF',
    "toomanyrequests: Rate exceeded",
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon "
    "running?",
    'error during connect: Post "http://%2Fvar%2Frun%2Fdocker.sock/v1.45": unexpected EOF',
    "net/http: TLS handshake timeout",
    "unexpected status from PUT request to http://h/v2/x/manifests/1-2: 400 Bad Request",
    "manifest blob unknown: blob unknown to registry",
    "dial tcp 127.0.0.1:5000: connect: connection refused",
]
FINAL = [
    "denied: requested access to the resource is denied",
    "unauthorized: authentication required",
    "no basic auth credentials",
    "An image does not exist locally with the tag: x",
    "invalid reference format",
    "500 Internal Server Error: mkdir /var/lib/registry: no space left on device",
    "",
]


@pytest.mark.parametrize("said", PASSING)
def test_what_may_pass_is_tried_again(said: str) -> None:
    assert move.passes(said)


@pytest.mark.parametrize("said", FINAL)
def test_what_will_not_pass_is_not(said: str) -> None:
    assert not move.passes(said)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("toomanyrequests: retry-after: 250ms, allowed: 44000/minute", 0.25),
        ("429 Too Many Requests: Retry-After: 3", 3.0),
        ("retry after 2 m", 120.0),
        ("429 Too Many Requests", None),
    ],
)
def test_a_registry_that_says_how_long_is_heard(said: str, seconds: float | None) -> None:
    assert move.asked(said) == seconds


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program called ``docker`` that fails with the lines of a file, one a run."""
    lines, runs = tmp_path / "lines", tmp_path / "runs"
    script = tmp_path / "docker"
    script.write_text(
        f'#!/bin/sh\necho x >> {runs}\nline=$(sed -n "$(wc -l < {runs})p" {lines})\n'
        '[ -z "$line" ] || { echo "$line" >&2; exit 1; }\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return lines


def push(waited: list[float]) -> None:
    move.docker("push", "h/x:1", failed="not pushed", todo="wait", sleep=waited.append)


def test_a_push_goes_on_where_the_registry_was_busy_for_a_while(said: Path) -> None:
    said.write_text("429 Too Many Requests: retry-after: 2s\nEOF\n")
    waited: list[float] = []
    push(waited)
    assert waited == [2.0, 1.0]


def test_a_push_is_tried_five_times_at_most(said: Path) -> None:
    said.write_text("503 Service Unavailable\n" * 9)
    waited: list[float] = []
    with pytest.raises(PublishError, match="not pushed") as caught:
        push(waited)
    assert waited == [0.5, 1.0, 2.0, 4.0]
    assert caught.value.detail == ("503 Service Unavailable",)


def test_a_push_that_is_refused_for_good_is_not_repeated(said: Path) -> None:
    said.write_text("denied: requested access to the resource is denied\n" * 9)
    waited: list[float] = []
    with pytest.raises(PublishError):
        push(waited)
    assert not waited
