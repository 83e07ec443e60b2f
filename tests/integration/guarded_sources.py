"""Package sources and a proxy that want a password each, and know who came with it.

The sources have small packages of their own; for all else they send on to where this host installs
from.
"""

from __future__ import annotations

import base64
import http.client
import http.server
import select
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

_BUFFER = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Place:
    """What is below one path: a folder, and where what is not in it can be had."""

    password: str
    folder: Path | None = None
    upstream: str | None = None


@dataclass
class Guard:
    """Who is let in.

    Attributes:
        let_in: who came with the right password, by the name of the place or ``proxy``.
        broken: parts of addresses that the proxy does not get.
    """

    let_in: set[str] = field(default_factory=set)
    broken: tuple[str, ...] = ()

    def admits(self, name: str, password: str, header: str | None) -> bool:
        scheme, _, given = (header or "").partition(" ")
        wanted = base64.b64encode(f"me:{password}".encode()).decode()
        good = (scheme.lower(), given) == ("basic", wanted)
        if good:
            self.let_in.add(name)
        return good


def make_wheel(
    folder: Path, name: str, version: str = "1.0", tag: str = "py3-none-any", code: str = ""
) -> Path:
    """The smallest wheel that installs: one module."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(made, "w") as wheel:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(path, text)
    return made


@contextmanager
def guarded_sources(host: str, places: Mapping[str, Place], guard: Guard) -> Iterator[str]:
    """``host:port`` of a server with these places, by the first part of the path."""
    with _serving(host, partial(_Sources, places=places, guard=guard)) as port:
        yield f"{host}:{port}"


@contextmanager
def guarded_proxy(host: str, password: str, guard: Guard) -> Iterator[str]:
    """``host:port`` of a proxy for HTTP, and for whatever goes through ``CONNECT``."""
    with _serving(host, partial(_Proxy, password=password, guard=guard)) as port:
        yield f"{host}:{port}"


@contextmanager
def _serving(host: str, handler: Callable[..., _Handler]) -> Iterator[int]:
    server = _Server((host, 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        raise NotImplementedError

    def answer(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class _Sources(_Handler):
    def __init__(self, *arguments: object, places: Mapping[str, Place], guard: Guard) -> None:
        self._places = places
        self._guard = guard
        super().__init__(*arguments)  # type: ignore[arg-type]  # what the server passes on

    def do_GET(self) -> None:
        name, _, rest = self.path.lstrip("/").partition("/")
        place = self._places.get(name)
        if place is None:
            self.answer(404, {})
        elif not self._guard.admits(name, place.password, self.headers.get("Authorization")):
            self.answer(401, {"WWW-Authenticate": 'Basic realm="packages"'})
        else:
            self._give(place, rest)

    def _give(self, place: Place, rest: str) -> None:
        own = place.folder / rest if place.folder else None
        if own and own.is_file():
            kind = "text/html" if own.suffix == ".html" else "application/octet-stream"
            self.answer(200, {"Content-Type": kind}, own.read_bytes())
        elif own and own.is_dir():
            links = "".join(f'<a href="{file.name}">{file.name}</a>' for file in own.iterdir())
            self.answer(200, {"Content-Type": "text/html"}, links.encode())
        elif place.upstream:
            self.answer(302, {"Location": f"{place.upstream.rstrip('/')}/{rest}"})
        else:
            self.answer(404, {})


class _Proxy(_Handler):
    def __init__(self, *arguments: object, password: str, guard: Guard) -> None:
        self._password = password
        self._guard = guard
        super().__init__(*arguments)  # type: ignore[arg-type]  # what the server passes on

    def do_CONNECT(self) -> None:
        if not self._may_pass():
            return
        name, _, port = self.path.rpartition(":")
        try:
            other = socket.create_connection((name, int(port)), timeout=30)
        except OSError:
            self.answer(502, {})
            return
        self.send_response(200)
        self.end_headers()
        with other:
            _join(self.connection, other)
        self.close_connection = True

    def do_POST(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if not self._may_pass():
            return
        host = urlsplit(self.path).netloc.rpartition("@")[2]  # apt leaves the login in
        path = self.path.split("/", 3)[3]
        kept = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in ("connection", "proxy-authorization", "proxy-connection")
        }
        link = http.client.HTTPConnection(host, timeout=60)
        try:
            if any(part in self.path for part in self._guard.broken):
                raise ConnectionError
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            link.request(self.command, f"/{path}", body=body or None, headers=kept)
            self._pass_on(link.getresponse())
        except OSError:
            self.answer(502, {})
        finally:
            link.close()

    def _may_pass(self) -> bool:
        given = self.headers.get("Proxy-Authorization")
        good = self._guard.admits("proxy", self._password, given)
        if not good:
            self.answer(407, {"Proxy-Authenticate": 'Basic realm="proxy"'})
        return good

    def _pass_on(self, answer: http.client.HTTPResponse) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in ("connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        while block := answer.read(_BUFFER):
            self.wfile.write(block)


def _join(one: socket.socket, other: socket.socket) -> None:
    """Pass on what either says, until one of them has ended."""
    with suppress(OSError):
        while True:
            for ready in select.select([one, other], [], [], 60)[0]:
                data = ready.recv(_BUFFER)
                if not data:
                    return
                (other if ready is one else one).sendall(data)
