"""A server that answers as a test says, and remembers what it was asked."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

OCI = "application/vnd.oci.image.manifest.v1+json"
BODY = json.dumps({"schemaVersion": 2, "config": {"digest": "sha256:" + "c" * 64}}).encode()
DIGEST = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
Answer = tuple[int, dict[str, str], bytes]
"""Status (0 hangs up), headers, body."""

ANSWER: Answer = (200, {"Content-Type": OCI, "Docker-Content-Digest": DIGEST}, BODY)


class Asked(NamedTuple):
    """One request."""

    method: str
    path: str
    headers: Message
    body: bytes

    @property
    def said(self) -> str:
        """Method and path in one."""
        return f"{self.method} {self.path}"

    @property
    def permit(self) -> str:
        """What is to let it in; empty if nothing."""
        return str(self.headers.get("Authorization", ""))


@dataclass
class Served:
    """Where it is, and what it was asked."""

    host: str
    asked: list[Asked] = field(default_factory=list)

    @property
    def repository(self) -> str:
        return f"{self.host}/team/app"

    @property
    def said(self) -> list[str]:
        return [one.said for one in self.asked]


@contextmanager
def serving(answer: Callable[[Asked], Answer]) -> Iterator[Served]:
    """Answer at a port of its own, each connection in a thread."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(self.command, self.path, self.headers, body)
            served.asked.append(asked)
            status, headers, content = answer(asked)
            if not status:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        # Names that http.server prescribes.
        do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = handle_one  # noqa: N815
        do_DELETE = do_CONNECT = handle_one  # noqa: N815

        def log_message(self, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Served(host=f"127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        http.shutdown()
        http.server_close()
