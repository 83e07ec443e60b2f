"""Asking this host's pip, uv, apt and environment where they install from."""

from __future__ import annotations

import ast
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from factory import process
from factory.build.sources import PackageSources
from factory.errors import ConfigError

_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_SYSTEM_CA = Path("/etc/ssl/certs/ca-certificates.crt")


def host_sources(env: Mapping[str, str] = os.environ) -> PackageSources:
    """What this host installs from; uv's own settings go before pip's.

    Raises:
        ConfigError: uv's configuration cannot be read.
    """
    pip = _pip_settings()
    uv = _uv_settings(env)
    extra = _split(uv.get("extra", ""), pip.get("extra-index-url", ""))
    found = _split(uv.get("find-links", ""), pip.get("find-links", ""))
    folders = [_as_path(item) for item in found]
    local = [url for url in extra if url.startswith("file:")]
    return PackageSources(
        index=uv.get("index") or pip.get("index-url") or None,
        extra=tuple(url for url in extra if url not in local),
        find_links=tuple(folder for folder in folders if folder and folder.is_dir()),
        links=tuple(item for item in found if not _as_path(item)),
        trusted=_split(uv.get("trusted", ""), pip.get("trusted-host", "")),
        ca=_ca_bundle(env, pip),
        apt=_apt_mirrors(),
        proxies=tuple((name, env[name]) for name in _PROXIES if env.get(name)),
        left_out=tuple(local),
    )


def _as_path(location: str) -> Path | None:
    """The folder that a find-links entry names, or ``None`` for a page on the network."""
    plain = location.removeprefix("file://")
    return None if "://" in plain else Path(plain)


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
    """Effective uv options: the system's file, under the user's, under the environment."""
    own = Path(env.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "uv" / "uv.toml"
    written: dict[str, Any] = {}
    for file in (Path("/etc/uv/uv.toml"), own):
        written |= _toml_of(file) if file.is_file() else {}
    settings = {
        "index": " ".join(_indexes(written, default=True)),
        "extra": " ".join(_indexes(written, default=False)),
        "find-links": " ".join(written.get("find-links", [])),
        "trusted": " ".join(written.get("allow-insecure-host", [])),
    }
    told = {
        "index": _unnamed(env.get("UV_DEFAULT_INDEX") or env.get("UV_INDEX_URL", "")),
        "extra": _unnamed(f"{env.get('UV_INDEX', '')} {env.get('UV_EXTRA_INDEX_URL', '')}"),
        "find-links": env.get("UV_FIND_LINKS", "").replace(",", " "),
        "trusted": env.get("UV_INSECURE_HOST", ""),
    }
    return {name: told[name].strip() or value for name, value in settings.items()}


def _indexes(written: Mapping[str, Any], *, default: bool) -> Iterator[str]:
    """The default index, or all others, in the new spelling (``[[index]]``) and the old one."""
    for table in written.get("index", []):
        if bool(table.get("default")) is default:
            yield table["url"]
    if default:
        yield from filter(None, [written.get("index-url")])
    else:
        yield from written.get("extra-index-url", [])


def _unnamed(indexes: str) -> str:
    """uv lets an index be given as ``name=url``."""
    return " ".join(
        item.partition("=")[2] if "=" in item.split("://")[0] else item for item in indexes.split()
    )


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
