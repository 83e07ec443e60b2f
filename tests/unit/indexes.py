"""Python indexes for tests: small wheels made by hand, in folders that are served."""

from __future__ import annotations

import functools
import http.server
import os
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def make_wheel(folder: Path, name: str, version: str, tag: str, *requires: str) -> None:
    """The smallest wheel that can be looked up, such as of ``py3-none-any``."""
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{info}/RECORD": "",
    }
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{version}-{tag}.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)


@contextmanager
def serving(folder: Path, status: int = 0) -> Iterator[str]:
    """``host:port`` of an index, or of something that answers everything with one status."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if not status:
                return super().do_GET()
            self.send_response(status)
            self.send_header("Content-Length", "0")
            return self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    handler = functools.partial(Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def hasten(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """uv remembers nothing, tries once, and goes through no proxy of this machine."""
    monkeypatch.setenv("UV_CACHE_DIR", str(cache))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
