"""Builds install from where the host installs from, and nothing of that is in the image."""

from __future__ import annotations

import base64
import functools
import http.server
import json
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory import process
from tests.integration.conftest import Checkout, add_image

pytestmark = pytest.mark.engine

ONE_CELL = ("--ray", "2.60.0")
PASSWORD = "canary-7f3a9c51"


def make_wheel(folder: Path, name: str) -> None:
    """The smallest wheel that installs."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": f"NAME = {name!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(path, text)


class Guarded(http.server.SimpleHTTPRequestHandler):
    """A folder behind a password."""

    def do_GET(self) -> None:
        wanted = "Basic " + base64.b64encode(f"user:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """A private index on the engine's bridge, with one package; its URL holds a password."""
    make_wheel(tmp_path / "index" / "simple" / "privately", "privately")
    gateway = process.run(
        ["docker", "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"]
    ).stdout.strip()
    handler = functools.partial(Guarded, directory=str(tmp_path / "index"))
    server = http.server.ThreadingHTTPServer((gateway, 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://user:{PASSWORD}@{gateway}:{server.server_port}/simple/"
    server.shutdown()


def everything_in(ref: str, folder: Path) -> bytes:
    """Configuration, history and the whole file system of an image."""
    process.run(["docker", "save", "--output", str(folder / "image.tar"), ref])
    looked: list[bytes] = []
    with tarfile.open(folder / "image.tar") as saved:
        for member in saved:
            blob = saved.extractfile(member)
            looked.append(blob.read(1 << 20) if blob and member.size < 1 << 20 else b"")
    container = process.run(["docker", "create", ref]).stdout.strip()
    try:
        exported = subprocess.run(
            ["docker", "export", container], capture_output=True, check=True
        ).stdout
    finally:
        process.run(["docker", "rm", container])
    return b"".join(looked) + exported


def test_private_index_and_wheel_folder_serve_builds_and_leave_no_trace(
    checkout: Checkout, index: str, tmp_path: Path
) -> None:
    wheels = tmp_path / "canary-wheels"
    make_wheel(wheels, "locally")
    checkout.extra = {"PIP_FIND_LINKS": str(wheels), "PIP_EXTRA_INDEX_URL": index}
    add_image(checkout, "sourced", {"main.py": ""}, more="requirements: requirements.txt\n")
    wanted = checkout.root / "images" / "sourced" / "requirements.txt"
    wanted.write_text("locally==1.0\nprivately==1.0\n")
    checkout.invoke("build", *ONE_CELL)

    [ref] = [ref for build, ref in checkout.refs().items() if "2.60.0" in build]
    program = "import locally, privately; print(locally.NAME, privately.NAME)"
    said = process.run(["docker", "run", "--rm", ref, "python", "-c", program]).stdout
    assert said.split() == ["locally", "privately"]

    haystack = everything_in(ref, tmp_path)
    logs = b"".join(
        file.read_bytes() for file in (checkout.root / ".factory").rglob("*") if file.is_file()
    )
    for needle in (PASSWORD, base64.b64encode(PASSWORD.encode()).decode(), "canary-wheels"):
        assert needle.encode() not in haystack, f"{needle} is in the image"
        assert needle.encode() not in logs, f"{needle} is in the factory's own files"


def test_search_would_find_a_leak(checkout: Checkout, tmp_path: Path) -> None:
    add_image(checkout, "leaking", {"notes.txt": f"the password is {PASSWORD}\n"})
    checkout.invoke("build", *ONE_CELL)
    [ref] = [ref for build, ref in checkout.refs().items() if "2.60.0" in build]
    assert PASSWORD.encode() in everything_in(ref, tmp_path)


def test_host_sources_are_what_pip_says(checkout: Checkout, tmp_path: Path) -> None:
    program = "from factory.build import host_sources; s = host_sources();"
    program += "import json; print(json.dumps([s.pip_conf(), s.uv_toml()]))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=checkout.env | {"PIP_INDEX_URL": "https://index.invalid/simple"},
        capture_output=True,
        text=True,
        check=True,
    )
    pip_conf, uv_toml = json.loads(done.stdout)
    assert "index-url = https://index.invalid/simple" in pip_conf
    assert 'index-url = "https://index.invalid/simple"' in uv_toml
