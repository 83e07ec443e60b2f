"""Registries as they are elsewhere: Amazon's by its own name, and one with a token service."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from factory.locks import hold
from factory.settings import Settings
from tests.integration.registries import PASSWORD, registry_at

ACCOUNT, REGION = "123456789012", "eu-central-1"
AMAZON = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
AMAZONS_TOKEN = f"{ACCOUNT}-auth-token"
"""What moto hands out; the registry's password file knows its bcrypt."""

_HTPASSWD = "AWS:$2b$04$Mc85gYrNTLF9.5a/Rr/Fxed33yTbyk2koFbG89K1FXOoMqCDBzGoe\n"
_HOSTS = Path("/etc/hosts")
_MARK = "# a test of the image factory"


@dataclass(frozen=True, kw_only=True)
class Signer:
    """A key, and a certificate that it has signed for itself."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate
    key_file: Path
    certificate_file: Path


def signer(folder: Path, name: str) -> Signer:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's own")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=12))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    key_file, certificate_file = folder / "key.pem", folder / "certificate.pem"
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return Signer(
        key=key, certificate=certificate, key_file=key_file, certificate_file=certificate_file
    )


# ---------------------------------------------------------------------- Amazon


@contextmanager
def amazon(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """ECR's API by moto, and at ECR's own name a registry that takes the token of that API.

    The name leads to this machine by a line in ``/etc/hosts``, which only root may write; it has
    one port to answer at, so that tests in other processes wait.
    """
    if os.geteuid() != 0:
        pytest.skip("only root may give this machine Amazon's name, in /etc/hosts")
    lock = Settings.from_environment().cache / "tests" / "amazon.lock"
    with hold(lock), _amazon(folder, monkeypatch):
        yield


@contextmanager
def _amazon(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from moto.server import ThreadedMotoServer

    ours = signer(folder, AMAZON)
    (folder / "htpasswd").write_text(_HTPASSWD)
    more = {
        "auth": {"htpasswd": {"realm": "ECR", "path": str(folder / "htpasswd")}},
        "http": {
            "addr": "127.0.0.1:443",
            "tls": {"certificate": str(ours.certificate_file), "key": str(ours.key_file)},
        },
    }
    monkeypatch.setenv("SSL_CERT_FILE", str(ours.certificate_file))
    api = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    with ExitStack() as ending:
        ending.enter_context(_named(AMAZON))
        ending.enter_context(registry_at(AMAZON, folder, more))
        api.start()
        ending.callback(api.stop)
        address = f"http://127.0.0.1:{api.get_host_and_port()[1]}"
        urllib3.request("POST", f"{address}/moto-api/reset")  # another test's repositories
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        yield


@contextmanager
def _named(host: str) -> Iterator[None]:
    """A name for this machine, in a marked line that goes again."""
    line = f"127.0.0.1 {host} {_MARK}\n"
    with _HOSTS.open("a") as hosts:
        hosts.write(line)
    try:
        yield
    finally:
        kept = [one for one in _HOSTS.read_text().splitlines(True) if one != line]
        _HOSTS.write_text("".join(kept))  # in place: it may be mounted there


# ---------------------------------------------------- a hub with a token service


@dataclass
class Hub:
    """A registry behind a token service and a counter of pulls.

    Attributes:
        host: ``host:port`` of the counter, by which all go.
        asked: methods and paths, in order.
        remaining: pulls that are left, out of a hundred.
        tokens: that were handed out.
    """

    host: str = ""
    asked: list[str] = field(default_factory=list)
    remaining: int = 100
    tokens: list[str] = field(default_factory=list)

    @property
    def pulls(self) -> list[str]:
        """What Docker Hub would count."""
        return [one for one in self.asked if one.startswith("GET") and "/manifests/" in one]


@contextmanager
def hub(folder: Path) -> Iterator[Hub]:
    """A Distribution whose token service lets in ``me`` with ``PASSWORD`` only, to ``acme/`` alone,
    and that says with each manifest how many pulls are left."""
    ours, found = signer(folder, "localhost"), Hub()
    with ExitStack() as ending:
        tokens = ending.enter_context(_serving(_token_service(ours, found)))
        auth = {
            "realm": f"http://{tokens}/token",
            "service": "hub",
            "issuer": "tests",
            "rootcertbundle": str(ours.certificate_file),
        }
        behind = ending.enter_context(registry_at("", folder, {"auth": {"token": auth}}))
        found.host = ending.enter_context(_serving(_counter(behind, found)))
        yield found


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"127.0.0.1:{http.server_port}"
    finally:
        http.shutdown()
        http.server_close()


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.1"  # so that a client that tries TLS first sees what we are

    def log_message(self, *args: object) -> None:
        pass

    def reply(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _token_service(ours: Signer, hub: Hub) -> type[BaseHTTPRequestHandler]:
    """As a password goes to it in a header, from our client, and in a form, from the engine.

    https://distribution.github.io/distribution/spec/auth/token and …/oauth
    """
    admitted = "Basic " + base64.b64encode(f"me:{PASSWORD}".encode()).decode()

    class Handler(_Quiet):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != admitted:
                self.reply(401, [("Content-Length", "0")], b"")
                return
            self.issue(parse_qs(urlsplit(self.path).query))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            form = parse_qs(body.decode())
            if (form.get("username"), form.get("password")) != (["me"], [PASSWORD]):
                self.reply(401, [("Content-Length", "0")], b"")
                return
            self.issue(form)

        def issue(self, asked: dict[str, list[str]]) -> None:
            token = _jwt(ours, [scope for one in asked.get("scope", ()) for scope in one.split()])
            hub.tokens.append(token)
            answer = {"token": token, "access_token": token, "expires_in": 60}
            body = json.dumps(answer).encode()
            self.reply(200, [("Content-Length", str(len(body)))], body)

    return Handler


def _jwt(ours: Signer, scopes: list[str]) -> str:
    """https://distribution.github.io/distribution/spec/auth/jwt"""
    now = int(datetime.now(UTC).timestamp())
    access = []
    for scope in scopes:
        kind, name, actions = scope.split(":")
        if name.startswith("acme/"):
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
    der = ours.certificate.public_bytes(serialization.Encoding.DER)
    head = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
    claims = {"iss": "tests", "sub": "me", "aud": "hub", "exp": now + 60, "nbf": now - 5}
    claims |= {"iat": now, "jti": os.urandom(8).hex(), "access": access}
    signed = ".".join(_packed(json.dumps(part).encode()) for part in (head, claims))
    signature = ours.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{_packed(signature)}"


def _packed(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _counter(behind: str, hub: Hub) -> type[BaseHTTPRequestHandler]:
    """Passes everything on, and adds what Docker Hub says of its limit."""

    class Handler(_Quiet):
        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Transfer-Encoding") == "chunked":
                body = self._chunks()
            hub.asked.append(f"{self.command} {self.path}")
            hub.remaining -= len(hub.pulls) and hub.asked[-1] == hub.pulls[-1]
            connection = HTTPConnection(behind)
            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in ("transfer-encoding", "content-length")
            }
            connection.request(self.command, self.path, body=body, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
            kept = [
                (name, value)
                for name, value in answer.getheaders()
                if name.lower() != "transfer-encoding"
            ]
            if not any(name.lower() == "content-length" for name, _ in kept):
                kept.append(("Content-Length", str(len(content))))
            if "/manifests/" in self.path:
                kept.append(("ratelimit-limit", "100;w=21600"))
                kept.append(("ratelimit-remaining", f"{hub.remaining};w=21600"))
            self.reply(answer.status, kept, content)
            connection.close()

        def _chunks(self) -> bytes:
            content = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content

        # Names that http.server prescribes.
        do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = handle_one  # noqa: N815

    return Handler
