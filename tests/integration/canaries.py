"""A host on which every package source, proxy, token and certificate holds a secret of its own.

All secrets share a stem of letters and digits, which percent-encoding leaves as it is: whoever
finds none of the stem's forms finds no secret.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pip._internal.models.index import PyPI

from factory.build import host_sources
from tests.integration.conftest import REPOSITORY, Checkout
from tests.integration.git_server import GitServer, git_server
from tests.integration.guarded_sources import (
    Guard,
    Place,
    guarded_proxy,
    guarded_sources,
    make_wheel,
)
from tests.integration.image_content import forms
from tests.integration.one_cell import bridge_address
from tests.integration.registries import PASSWORD, guarded_registry

PACKAGES = ("fromindex", "fromextra", "fromuv", "fromlinks", "fromfolder")
"""Each is in one package source only."""

_AWS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
KEPT = (
    *("git", "licence", "ca", "netrc", "stored"),
    *(f"{where}{name}" for where in ("env", "file") for name in _AWS),
)
"""The other secrets of the host, but for those of proxies."""

_MIRRORS = ("debian", "debian-security")
_CA_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_STEM = f"canary{secrets.token_hex(8)}"


def secret(name: str) -> str:
    """The secret of a source."""
    return f"{_STEM}{name}"


MIRRORS = "CANARY_MIRRORS"
"""The variable with apt's mirror and security mirror, a list as JSON."""

NEEDLES = (*forms(_STEM), *forms(PASSWORD))
"""What to look for."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """The host.

    Attributes:
        guard: which sources were used.
        env: what the factory's environment is to hold beside this host's.
        sources: the names of all sources that want a password.
        git: serves repositories below ``private/`` to who has the token.
        registry: lets in those whom Docker's configuration here is logged in for.
        store: the registry's files.
        buildx: what buildx writes down of each build.
        temporary: where everybody's temporary files are.
    """

    guard: Guard
    env: Mapping[str, str]
    sources: frozenset[str]
    git: GitServer
    registry: str
    store: Path
    buildx: Path
    temporary: Path


class SpiedCheckout(Checkout):
    """A project whose commands run on a ``Ground``, with a record of what they start."""

    @property
    def record(self) -> Path:
        return self.data.parent / "started.jsonl"

    def argv(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "tests.integration.spied", str(self.record), *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.argv(*arguments),
            cwd=REPOSITORY,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )


def on(ground: Ground, project: Checkout) -> SpiedCheckout:
    """A project, moved to a host."""
    return SpiedCheckout(
        root=project.root, registry=ground.registry, data=project.data, extra=dict(ground.env)
    )


@contextmanager
def guarded_ground(folder: Path) -> Iterator[Ground]:
    """Such a host, for a ``with`` block, with its files in a folder.

    apt keeps to Debian's public mirrors where this host itself is no Debian.
    """
    host, guard, places = bridge_address(), Guard(), _places(folder)
    apt = [name for name in _MIRRORS if name in places]
    with (
        guarded_sources(host, places, guard) as sources,
        guarded_proxy(host, secret("proxy"), guard) as proxy,
        _temporary() as temporary,
        git_server(folder / "git", secret("git"), host) as git,
        guarded_registry(folder / "registry") as registry,
    ):
        yield Ground(
            guard=guard,
            env={
                **_addresses(folder, sources, f"http://me:{secret('proxy')}@{proxy}"),
                **dict.fromkeys(_CA_VARIABLES, str(_bundle(folder))),
                "PIP_TRUSTED_HOST": host,
                "XDG_CONFIG_HOME": str(_uv_settings(folder, sources)),
                "DOCKER_CONFIG": str(_docker_settings(folder, registry, proxy)),
                "CANARY_GIT": secret("git"),
                "CANARY_LICENCE": secret("licence"),
                MIRRORS: json.dumps([_url(sources, name) for name in apt]),
                "HOME": str(_home(folder)),
                "TMPDIR": str(temporary),
                **_aws("env"),
            },
            sources=frozenset({*places, "proxy"}),
            git=git,
            registry=registry,
            store=folder / "registry" / "store",
            buildx=folder / "docker" / "buildx",
            temporary=temporary,
        )


def _places(folder: Path) -> dict[str, Place]:
    host = host_sources()
    for name in ("index", "extra", "uv"):
        make_wheel(folder / name / f"from{name}", f"from{name}")
    for name in ("links", "folder"):
        make_wheel(folder / name, f"from{name}")
    places = {
        name: Place(password=secret(name), folder=folder / name)
        for name in ("index", "extra", "uv", "links")
    }
    places["index"] = replace(places["index"], upstream=host.index or PyPI.simple_url)
    for name, mirror in zip(_MIRRORS, host.apt or (), strict=False):
        if mirror:
            places[name] = Place(password=secret(name), upstream=mirror)
    return places


def _url(sources: str, name: str) -> str:
    return f"http://me:{secret(name)}@{sources}/{name}"


def _addresses(folder: Path, sources: str, proxy: str) -> dict[str, str]:
    return {
        "PIP_INDEX_URL": f"{_url(sources, 'index')}/",
        "PIP_EXTRA_INDEX_URL": f"{_url(sources, 'extra')}/",
        "PIP_FIND_LINKS": f"{folder / 'folder'} {_url(sources, 'links')}/",
        "http_proxy": proxy,
        "https_proxy": proxy,
    }


def _uv_settings(folder: Path, sources: str) -> Path:
    home = folder / "config"
    (home / "uv").mkdir(parents=True)
    (home / "uv" / "uv.toml").write_text(f'[[index]]\nurl = "{_url(sources, "uv")}/"\n')
    return home


def _bundle(folder: Path) -> Path:
    """This host's certificates, and a remark."""
    trusted = host_sources().ca
    bundle = folder / "bundle.pem"
    bundle.write_text(f"# {secret('ca')}\n" + (trusted.read_text() if trusted else ""))
    return bundle


@contextmanager
def _temporary() -> Iterator[Path]:
    """A folder that all may enter, as apt's own user in a base that is made has to."""
    folder = Path(tempfile.mkdtemp(prefix="canary-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _home(folder: Path) -> Path:
    """A user's home with what other programs keep there. No build sees any of it."""
    files = {
        ".netrc": f"machine packages.invalid login me password {secret('netrc')}\n",
        ".git-credentials": f"https://me:{secret('stored')}@code.invalid\n",
        ".aws/credentials": "".join(
            f"{name.lower()} = {value}\n" for name, value in _aws("file").items()
        ),
    }
    for name, text in files.items():
        file = folder / "home" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(text)
    return folder / "home"


def _aws(where: str) -> dict[str, str]:
    return {name: secret(f"{where}{name}") for name in _AWS}


def _docker_settings(folder: Path, registry: str, proxy: str) -> Path:
    """Docker's own folder with another login in it, and a proxy for containers."""
    home = folder / "docker"
    home.mkdir()
    own = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    for name in ("cli-plugins", "contexts"):
        if (own / name).exists():
            (home / name).symlink_to(own / name)
    file = own / "config.json"
    written = json.loads(file.read_text()) if file.exists() else {}
    kept = {
        key: written[key] for key in ("currentContext", "cliPluginsExtraDirs") if key in written
    }
    login = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
    inside = f"http://container:{secret('container')}@{proxy}"
    ours = {
        "auths": {registry: {"auth": login}},
        "proxies": {"default": {"allProxy": inside, "ftpProxy": inside}},
    }
    (home / "config.json").write_text(json.dumps({**kept, **ours}))
    return home
