"""A git server over HTTP, with repositories of the test's own."""

from __future__ import annotations

import base64
import functools
import http.server
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org")


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A repository that is served.

    Attributes:
        folder: its working tree.
        url: where it is served.
    """

    folder: Path
    url: str

    def git(self, *arguments: str) -> str:
        """Run git in it, by no configuration but its own."""
        quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        return subprocess.run(
            ["git", *_IDENTITY, *arguments],
            cwd=self.folder,
            env=os.environ | quiet,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    def commit(self, files: Mapping[str, str]) -> str:
        """Commit these files to the branch that is checked out; returns the commit."""
        for path, text in files.items():
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "for a test")
        return self.git("rev-parse", "HEAD")


@dataclass(frozen=True, kw_only=True)
class GitServer:
    """Serves every repository of a folder, those below ``private/`` to who has the token."""

    folder: Path
    url: str

    def repository(self, name: str) -> Repository:
        """A new one, with the branch ``main`` and nothing in it."""
        made = Repository(folder=self.folder / name, url=f"{self.url}/{name}.git")
        made.folder.mkdir(parents=True)
        made.git("init", "--quiet", "--initial-branch=main")
        (self.folder / f"{name}.git").symlink_to(made.folder / ".git")
        return made


@contextmanager
def git_server(folder: Path, token: str, host: str = "127.0.0.1") -> Iterator[GitServer]:
    """Serve what is in a folder for a ``with`` block."""
    folder.mkdir(parents=True)
    handler = functools.partial(_Backend, folder=folder, token=token)
    server = http.server.ThreadingHTTPServer((host, 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield GitServer(folder=folder, url=f"http://{host}:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Backend(http.server.BaseHTTPRequestHandler):
    """git's own server, run for each request as the CGI program that it is."""

    def __init__(self, *arguments: object, folder: Path, token: str) -> None:
        self._folder = folder
        self._token = token
        super().__init__(*arguments)  # type: ignore[arg-type]  # what the server passes on

    def do_GET(self) -> None:
        if self.path.startswith("/private/") and not self._may():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.end_headers()
            return
        size = int(self.headers.get("Content-Length") or 0)
        done = subprocess.run(
            ["git", "http-backend"],
            input=self.rfile.read(size),
            env=self._environment(),
            capture_output=True,
            check=True,
        )
        self._pass_on(done.stdout)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def _may(self) -> bool:
        pair = base64.b64encode(f"x-access-token:{self._token}".encode()).decode()
        scheme, _, given = (self.headers.get("Authorization") or "").partition(" ")
        return (scheme.lower(), given) == ("basic", pair)

    def _environment(self) -> dict[str, str]:
        path, _, query = self.path.partition("?")
        return os.environ | {
            "GIT_PROJECT_ROOT": str(self._folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "CONTENT_LENGTH": self.headers.get("Content-Length") or "",
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
        }

    def _pass_on(self, answer: bytes) -> None:
        head, _, body = answer.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
