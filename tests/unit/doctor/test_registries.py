"""Registries that answer, refuse, or are not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from factory.doctor import registries
from factory.model import Health, Target


@contextmanager
def registry(status: int) -> Iterator[Target]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/v2/" else 500)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Target(name="team", registry=f"127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def nobody() -> Target:
    with registry(200) as gone:
        return gone


@pytest.mark.parametrize("status", [200, 401])
def test_a_registry_that_answers_is_well(status: int) -> None:
    with registry(status) as target:
        assert registries.remote(target).state is Health.OK


def test_a_prefix_is_no_part_of_the_host() -> None:
    with registry(200) as target:
        assert registries.unreachable(f"{target.registry}/team/ray") == ""


def test_something_else_that_listens_is_told_apart() -> None:
    with registry(404) as target:
        finding = registries.remote(target)
    assert finding.state is Health.WARN
    assert "404" in finding.what


def test_a_registry_that_is_not_there_is_warned_of(nobody: Target) -> None:
    finding = registries.remote(nobody)
    assert finding.state is Health.WARN
    assert "nothing listens there" in finding.what


def test_a_local_registry_that_can_be_started_is_well(nobody: Target) -> None:
    finding = registries.local(nobody, has_server=True)
    assert finding.state is Health.OK
    assert "publishing starts it" in finding.what


def test_a_local_registry_that_cannot_be_started_has_a_remedy(nobody: Target) -> None:
    finding = registries.local(nobody, has_server=False)
    assert finding.state is Health.WARN
    assert "docker-registry" in finding.remedy
