"""A small HTTP proxy in front of a registry, which counts what goes through it and spoils what its
rules say. It passes bodies on as they come."""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.faults.body import Body, Struck
from benchmarks.faults.rules import STATUS, Fault, Rule, spoilt

_PIECE = 1 << 16
_HOP = frozenset({"connection", "transfer-encoding", "keep-alive"})
_CODES = {401: "UNAUTHORIZED", 429: "TOOMANYREQUESTS", 503: "UNAVAILABLE"}
_HELLO = b"\x16"  # TLS's first byte: an engine tries that first, and needs an answer in plain HTTP
_LINGER = struct.pack("ii", 1, 0)  # closing sends a reset


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A request that came through: how many bytes of a body it had, with which status an answer
    began (0 where the connection was broken instead), and which fault struck it."""

    method: str
    path: str
    sent: int
    status: int
    fault: Fault | None = None


@dataclass
class Proxy:
    """A running proxy.

    Attributes:
        host: ``host:port`` where it listens.
        upstream: the registry's.
        rules: what is spoilt; may be changed between requests.
        when_struck: is called before a request is, and waited for.
        seen: every request so far.
    """

    host: str
    upstream: str
    rules: Sequence[Rule] = ()
    when_struck: Callable[[], None] | None = None
    seen: list[Seen] = field(default_factory=list)
    _counts: Counter[Rule] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def struck(self) -> int:
        """How many requests were."""
        return sum(one.fault is not None for one in self.seen)

    def forget(self) -> None:
        """Begin to count anew."""
        with self._lock:
            self.seen.clear()
            self._counts.clear()

    def blob_bytes(self) -> int:
        """The bytes of blobs that were sent to the registry."""
        return sum(one.sent for one in self.seen if "/blobs/uploads/" in one.path)

    def manifest_bytes(self) -> int:
        """The bytes of manifests that were, under each name that they were given."""
        return sum(one.sent for one in self.seen if "/manifests/" in one.path)

    def rule_for(self, method: str, path: str) -> Rule | None:
        """The rule that strikes a request, which is counted."""
        with self._lock:
            for rule in self.rules:
                if rule.matches(method, path) and self._has_begun(rule):
                    self._counts[rule] += 1
                    if rule.strikes(self._counts[rule]):
                        return rule
        return None

    def _has_begun(self, rule: Rule) -> bool:
        wrote = (one.path for one in self.seen if one.method == "PUT" and one.status == 201)
        return not rule.since or any(re.search(rule.since, path) for path in wrote)

    def note(self, seen: Seen) -> None:
        with self._lock:
            self.seen.append(seen)


@contextmanager
def proxying(upstream: str, rules: Sequence[Rule] = ()) -> Iterator[Proxy]:
    """A proxy at a port of its own in front of a registry at ``host:port``."""
    http = _Server(("127.0.0.1", 0), _Handler)
    http.proxy = Proxy(host=f"127.0.0.1:{http.server_port}", upstream=upstream, rules=rules)
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield http.proxy
    finally:
        http.shutdown()
        http.server_close()


@contextmanager
def forwarding(listening: socket.socket, upstream: str) -> Iterator[None]:
    """Pass on what comes by a socket that listens already, which is closed at the end."""
    http = _Server(("127.0.0.1", 0), _Handler, bind_and_activate=False)
    http.socket.close()
    http.socket = listening
    http.proxy = Proxy(host="", upstream=upstream)
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        http.shutdown()
        http.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    proxy: Proxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Broken connections are what it is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = _PIECE
    disable_nagle_algorithm = True
    server: _Server
    _upstream: HTTPConnection | None = None

    def log_message(self, *args: object) -> None:
        """It says nothing."""

    def handle(self) -> None:
        with suppress(OSError):
            if self.connection.recv(1, socket.MSG_PEEK) == _HELLO:
                self.connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
            else:
                super().handle()

    def finish(self) -> None:
        if self._upstream:
            self._upstream.close()
        with suppress(OSError, ValueError):
            super().finish()

    def _pass(self) -> None:
        rule = self.server.proxy.rule_for(self.command, self.path)
        body, answer = Body(self), None

        def note(status: int) -> None:
            """Before anything is answered: whoever reads the answer may ask what was seen."""
            self.server.proxy.note(
                Seen(
                    method=self.command,
                    path=self.path,
                    sent=body.size,
                    status=status,
                    fault=rule.fault if rule else None,
                )
            )

        try:
            if rule and self.server.proxy.when_struck:
                self.server.proxy.when_struck()
            if rule and rule.fault in STATUS:
                body.drain()
                note(STATUS[rule.fault])
                self._refuse(rule.fault)
            else:
                answer = self._forward(body, rule)
                note(answer.status)
                lost = rule and rule.fault is Fault.TRUNCATED
                self._answer(answer, rule if lost or not body.there else None)
        except (Struck, OSError, HTTPException):
            if answer is None:
                note(0)
            self._break()

    # Names that http.server prescribes.
    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _pass  # noqa: N815

    def _refuse(self, fault: Fault) -> None:
        status = STATUS[fault]
        code = _CODES.get(status, "UNKNOWN")
        content = f'{{"errors":[{{"code":"{code}","message":"by the proxy"}}]}}'.encode()
        self.send_response(status)
        if fault is Fault.THROTTLED_FOR:
            self.send_header("Retry-After", "1")
        if fault is Fault.UNKNOWN_US:
            self.send_header("WWW-Authenticate", 'Basic realm="proxy"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()

    def _forward(self, body: Body, rule: Rule | None) -> HTTPResponse:
        if rule and rule.fault is Fault.STALL:
            time.sleep(rule.seconds)
            raise Struck
        if rule and rule.fault is Fault.RESET and body.there:
            body.stop_after(rule.after)
        if rule and rule.fault is Fault.CORRUPT and body.there:
            body.spoil()
        return self._ask(body)

    def _ask(self, body: Body) -> HTTPResponse:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        if body.chunked:
            headers["Transfer-Encoding"] = "chunked"
        # The last connection may have been closed by the registry meanwhile: a new one each time
        # costs little on the loopback, and is never stale.
        if self._upstream:
            self._upstream.close()
        self._upstream = HTTPConnection(self.server.proxy.upstream, timeout=60)
        self._upstream.request(
            self.command,
            self.path,
            body=iter(body) if body.there else None,
            headers=headers,
            encode_chunked=body.chunked,
        )
        return self._upstream.getresponse()

    def _answer(self, answer: HTTPResponse, rule: Rule | None) -> None:
        fault = rule.fault if rule else None
        whole = answer.read() if fault else b""
        if fault is Fault.RESET and rule and not whole[rule.after :]:
            raise Struck
        if fault is Fault.TRUNCATED and not whole:
            raise Struck  # what was asked for is done, and nobody hears of it
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            corrupt = fault is Fault.CORRUPT and name.lower() == "docker-content-digest"
            if name.lower() not in _HOP:
                self.send_header(name, _other(value) if corrupt else value)
        self.end_headers()
        if rule and fault in (Fault.RESET, Fault.TRUNCATED):
            self.wfile.write(whole[: rule.after if fault is Fault.RESET else len(whole) // 2])
            self.wfile.flush()
            raise Struck
        if fault:
            self.wfile.write(spoilt(whole) if self.command != "HEAD" else b"")
        while piece := answer.read(_PIECE):
            self.wfile.write(piece)
        self.wfile.flush()

    def _break(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
            self.connection.close()


def _other(digest: str) -> str:
    """Another digest."""
    return digest[:-1] + ("0" if digest[-1] != "0" else "1")
