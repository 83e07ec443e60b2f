"""The package sources that this host's pip, uv and apt see, for builds to see too.

Everything that could hold a credential travels as a BuildKit secret; folders travel as bind mounts.
Nothing of it reaches a layer, the history or an argument list.
"""

from __future__ import annotations

import ast
import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory import process
from factory.errors import ConfigError

MOUNTED_PACKAGES = "/run/factory/packages"
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_SYSTEM_CA = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True, kw_only=True)
class PackageSources:
    """What this host installs from.

    Attributes:
        index: the default Python index, or ``None`` for the installers' own.
        extra: further indexes.
        find_links: folders with wheels, on this host.
        links: pages with links to wheels.
        ca: a bundle of trusted certificates, or ``None``.
        apt: the host's Debian mirrors as (URL, security URL or ``None``), or ``None``.
        proxies: the proxy variables that are set.
        left_out: what cannot be carried into a build, for people.
    """

    index: str | None = None
    extra: tuple[str, ...] = ()
    find_links: tuple[Path, ...] = ()
    links: tuple[str, ...] = ()
    ca: Path | None = None
    apt: tuple[str, str | None] | None = None
    proxies: tuple[tuple[str, str], ...] = ()
    left_out: tuple[str, ...] = ()

    def pip_conf(self) -> str:
        """A pip configuration for inside a build."""
        lines = ["[global]", "disable-pip-version-check = true"]
        lines += [f"index-url = {self.index}"] if self.index else []
        lines += [f"extra-index-url = {' '.join(self.extra)}"] if self.extra else []
        lines += [f"find-links = {' '.join(self._found())}"] if self._found() else []
        return "\n".join(lines) + "\n"

    def uv_toml(self) -> str:
        """A uv configuration for inside a build."""
        lines = ["system-certs = true"]
        lines += [f"index-url = {_toml(self.index)}"] if self.index else []
        lines += [f"extra-index-url = {_toml_list(self.extra)}"] if self.extra else []
        lines += [f"find-links = {_toml_list(self._found())}"] if self._found() else []
        return "\n".join(lines) + "\n"

    def apt_sources(self, suite: str) -> str | None:
        """One-line apt sources for a suite from this host's mirrors, or ``None``: Debian's own."""
        if self.apt is None:
            return None
        mirror, security = self.apt
        lines = [f"deb {mirror} {suite} main", f"deb {mirror} {suite}-updates main"]
        lines += [f"deb {security} {suite}-security main"] if security else []
        return "\n".join(lines) + "\n"

    def apt_conf(self) -> str:
        """An apt configuration for inside a build."""
        lines = ['Acquire::Retries "3";']
        lines += ['Acquire::https::CAInfo "/run/factory/ca.crt";'] if self.ca else []
        return "\n".join(lines) + "\n"

    def _found(self) -> tuple[str, ...]:
        mounted = (MOUNTED_PACKAGES,) if self.find_links else ()
        return (*mounted, *self.links)


def host_sources(env: Mapping[str, str] = os.environ) -> PackageSources:
    """Ask this host's pip, uv, apt and environment.

    Raises:
        ConfigError: uv's configuration cannot be read.
    """
    pip = _pip_settings()
    uv = _uv_settings(env)
    index = uv.get("index", pip.get("index-url", ""))
    extra = _split(uv.get("extra", ""), pip.get("extra-index-url", ""))
    found = _split(uv.get("find-links", ""), pip.get("find-links", ""))
    folders = [
        Path(item.removeprefix("file://"))
        for item in found
        if "://" not in item.removeprefix("file://")
    ]
    local = [url for url in extra if url.startswith("file:")]
    return PackageSources(
        index=index or None,
        extra=tuple(url for url in extra if url not in local),
        find_links=tuple(folder for folder in folders if folder.is_dir()),
        links=tuple(item for item in found if "://" in item and not item.startswith("file:")),
        ca=_ca_bundle(env, pip),
        apt=_apt_mirrors(),
        proxies=tuple((name, env[name]) for name in _PROXIES if env.get(name)),
        left_out=tuple(
            f"the index {url}: a build cannot read an index in a folder" for url in local
        ),
    )


def _pip_settings() -> dict[str, str]:
    """Effective pip options: for all commands, for `install`, and above both the environment."""
    try:
        listed = process.run([sys.executable, "-m", "pip", "config", "list"], check=False)
    except process.ProcessFailed:
        return {}
    levels: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listed.stdout.splitlines():
        name, _, value = line.partition("=")
        level, _, option = name.strip().rpartition(".")
        if level in levels:
            levels[level][option] = str(ast.literal_eval(value.strip()))
    return levels["global"] | levels["install"] | levels[":env:"]


def _uv_settings(env: Mapping[str, str]) -> dict[str, str]:
    file = Path(env.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "uv" / "uv.toml"
    settings: dict[str, str] = {}
    if file.is_file():
        written = _toml_of(file)
        settings["index"] = written.get("index-url", "")
        settings["extra"] = " ".join(written.get("extra-index-url", []))
        settings["find-links"] = " ".join(written.get("find-links", []))
    settings["index"] = (
        env.get("UV_DEFAULT_INDEX") or env.get("UV_INDEX_URL") or settings.get("index", "")
    )
    settings["extra"] = " ".join(
        filter(None, (settings.get("extra"), env.get("UV_INDEX"), env.get("UV_EXTRA_INDEX_URL")))
    )
    settings["find-links"] = env.get("UV_FIND_LINKS", "").replace(",", " ") or settings.get(
        "find-links", ""
    )
    return {name: value for name, value in settings.items() if value}


def _toml_of(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"uv's configuration cannot be read: {error}", where=str(file), todo="mend it"
        ) from error


def _split(*values: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for value in values for item in value.split()))


def _ca_bundle(env: Mapping[str, str], pip: Mapping[str, str]) -> Path | None:
    named = [pip.get("cert"), *(env.get(name) for name in _CA_VARIABLES), str(_SYSTEM_CA)]
    return next((Path(path) for path in named if path and Path(path).is_file()), None)


def _apt_mirrors(folder: Path = Path("/etc/apt")) -> tuple[str, str | None] | None:
    """The host's first Debian mirror and its security mirror, whatever release it runs itself."""
    others = sorted((folder / "sources.list.d").glob("*"))
    files = [folder / "sources.list", *(it for it in others if it.suffix in (".list", ".sources"))]
    urls = [
        url for file in files if file.is_file() for url in _urls(file.read_text("utf-8", "replace"))
    ]
    mirror = next((url for url in urls if url.rstrip("/").endswith("/debian")), None)
    security = next((url for url in urls if url.rstrip("/").endswith("-security")), None)
    return (mirror, security) if mirror else None


def _urls(text: str) -> list[str]:
    urls = []
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["URIs:"]:
            urls += words[1:]
        elif words[:1] == ["deb"]:
            urls += [word for word in words[1:] if "://" in word][:1]
    return urls


def _toml(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _toml_list(values: tuple[str, ...]) -> str:
    return "[" + ", ".join(_toml(value) for value in values) + "]"
