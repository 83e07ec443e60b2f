"""Proxies and certificates on the wire."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory import process
from factory.errors import RegistryError
from factory.registry import Registry
from factory.registry.transport import Patience, Transport
from tests.unit.registry.server import DIGEST, Asked, serving

AWAY = "registry.example/team/app"
SECRET = "hush"
ONCE = Patience(retries=0, reconnects=0, waits=0)


def through(proxy: str) -> Registry:
    environment = {"HTTPS_PROXY": f"http://me:{SECRET}@{proxy}"}
    return Registry(lambda key: None, patience=ONCE, transport=Transport(environment))


def test_a_registry_away_is_reached_through_the_proxy() -> None:
    with serving(lambda asked: (502, {}, b"")) as proxy:
        with pytest.raises(RegistryError, match="the proxy does not let us through") as caught:
            through(proxy.host).head(AWAY, "t")
        [asked] = proxy.asked
    assert asked.said == "CONNECT registry.example:443"
    assert asked.headers["Proxy-Authorization"] == "Basic bWU6aHVzaA=="
    assert "502" in caught.value.what
    assert SECRET not in str(caught.value)


def test_a_proxy_that_is_not_there_is_told_from_a_registry_that_is_not() -> None:
    with pytest.raises(RegistryError, match="the proxy does not let us through") as caught:
        through("127.0.0.1:1").head(AWAY, "t")
    assert caught.value.status is None
    assert SECRET not in str(caught.value)


def test_a_registry_here_is_reached_without_the_proxy() -> None:
    def answer(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Docker-Content-Digest": DIGEST}, b""

    with serving(answer) as here:
        environment = {"HTTP_PROXY": "http://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1"}
        registry = Registry(patience=ONCE, transport=Transport(environment))
        assert registry.head(here.repository, "t") == DIGEST


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of ``registry.example``, signed by itself, with its key in the same file."""
    both = tmp_path / "registry.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    argv += ["-subj", "/CN=registry.example", "-addext", "subjectAltName=DNS:registry.example"]
    process.run([*argv, "-keyout", str(both), "-out", str(tmp_path / "ca.pem")])
    both.write_text(both.read_text() + (tmp_path / "ca.pem").read_text())
    return both


@pytest.fixture
def tunnel(certificate: Path) -> Iterator[str]:
    """A proxy that leads to a registry which speaks TLS with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve(connection: socket.socket) -> None:
        with connection:
            _read_head(connection)
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            try:
                with context.wrap_socket(connection, server_side=True) as secure:
                    _read_head(secure)
                    head = f"HTTP/1.1 200 OK\r\nDocker-Content-Digest: {DIGEST}\r\n\r\n"
                    secure.sendall(head.encode())
            except OSError:
                pass  # the other side does not trust the certificate

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def _read_head(connection: socket.socket) -> None:
    read = b""
    while not read.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            return
        read += byte


def test_a_certificate_of_ones_own_is_trusted_by_ssl_cert_file(
    tunnel: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_name("ca.pem")))
    assert through(tunnel).head(AWAY, "t") == DIGEST


def test_a_certificate_that_nobody_trusts_is_refused_with_what_to_do(tunnel: str) -> None:
    with pytest.raises(RegistryError, match="cannot be reached") as caught:
        through(tunnel).head(AWAY, "t")
    assert "registry.example" in caught.value.what
    assert "SSL_CERT_FILE" in caught.value.what
    assert SECRET not in str(caught.value)
