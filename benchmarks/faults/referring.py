"""A registry with the referrers API, in front of a real one that has none."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.faults.body import Body
from factory.registry import digest_of, document_of

_INDEX = "application/vnd.oci.image.index.v1+json"
_HOP = ("connection", "transfer-encoding", "content-length")


class _Server(ThreadingHTTPServer):
    """Attributes: upstream: the registry's address; listed: entries by repository and subject."""

    daemon_threads = True
    upstream: str
    listed: dict[tuple[str, str], dict[str, dict[str, Any]]]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who asks may be cut off on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_args: object) -> None:
        """Nobody reads it."""

    def _pass(self) -> None:
        body = b"".join(Body(self))
        repository, found, digest = self.path.removeprefix("/v2/").partition("/referrers/")
        if found:
            entries = list(self.server.listed.get((repository, digest), {}).values())
            index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": entries}
            self._say(200, {"Content-Type": _INDEX}, json.dumps(index).encode())
            return
        upward = HTTPConnection(self.server.upstream, timeout=30)
        asked = {k: v for k, v in self.headers.items() if k.lower() not in _HOP}
        upward.request(self.command, self.path, body, asked | {"Content-Length": str(len(body))})
        answer = upward.getresponse()
        content = answer.read()
        headers = {k: v for k, v in answer.getheaders() if k.lower() not in _HOP}
        if answer.status == 201 and self.command == "PUT" and "/manifests/" in self.path:
            headers |= self._enlisted(body)
        if answer.status == 202 and self.command == "DELETE":
            self._delist()
        size = answer.getheader("Content-Length") or "0"
        self._say(answer.status, headers, content, size if self.command == "HEAD" else "")
        upward.close()

    def _enlisted(self, body: bytes) -> dict[str, str]:
        repository, _, _ = self.path.removeprefix("/v2/").partition("/manifests/")
        document = document_of(body)
        subject = (document.get("subject") or {}).get("digest")
        if not subject:
            return {}
        entry = {
            "mediaType": document["mediaType"],
            "digest": digest_of(body),
            "size": len(body),
            "artifactType": document.get("artifactType", ""),
            "annotations": document.get("annotations", {}),
        }
        self.server.listed.setdefault((repository, subject), {})[entry["digest"]] = entry
        return {"OCI-Subject": subject}

    def _delist(self) -> None:
        name, _, digest = self.path.removeprefix("/v2/").partition("/manifests/")
        for (repository, _), entries in self.server.listed.items():
            if repository == name:
                entries.pop(digest, None)

    def _say(self, status: int, headers: dict[str, str], body: bytes, size: str = "") -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": size or str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


for _method in ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"):
    setattr(_Handler, f"do_{_method}", _Handler._pass)


@contextmanager
def referring(upstream: str) -> Iterator[str]:
    """``host:port`` that leads to a registry, and lists by itself what refers to an image."""
    http = _Server(("127.0.0.1", 0), _Handler)
    http.upstream, http.listed = upstream, {}
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"127.0.0.1:{http.server_port}"
    finally:
        http.shutdown()
        http.server_close()
