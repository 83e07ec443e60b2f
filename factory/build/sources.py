"""The package sources that this host's pip, uv and apt see, for builds to see too.

Everything that could hold a credential travels as a BuildKit secret; folders travel as bind mounts.
Nothing of it reaches a layer, the history or an argument list, and what programs repeat of it
(apt shows the password of a mirror that fails) is taken out of what they say.
"""

from __future__ import annotations

import re
import shlex
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from factory.text import hide_logins

MOUNTED_PACKAGES = "/run/factory/packages"
_APT = "/run/factory/apt"
_CA = "/etc/ssl/certs/ca-certificates.crt"
UNSTABLE = "sid"  # has neither updates nor security of its own
_LEAST = 4  # of fewer characters, a secret is part of ordinary words


@dataclass(frozen=True, kw_only=True)
class PackageSources:
    """What this host installs from.

    Attributes:
        index: the default Python index, or ``None`` for the installers' own.
        extra: further indexes.
        find_links: folders with wheels, on this host.
        links: pages with links to wheels.
        trusted: hosts that may be spoken to without a valid certificate.
        ca: a bundle of trusted certificates, or ``None``.
        apt: the host's Debian mirrors as (URL, security URL or ``None``), or ``None``.
        proxies: the proxy variables that are set.
        left_out: indexes that are folders of this host, which builds do not see.
    """

    index: str | None = None
    extra: tuple[str, ...] = ()
    find_links: tuple[Path, ...] = ()
    links: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    ca: Path | None = None
    apt: tuple[str, str | None] | None = None
    proxies: tuple[tuple[str, str], ...] = ()
    left_out: tuple[str, ...] = ()

    def pip_conf(self) -> str:
        """A pip configuration for inside a build."""
        lines = ["[global]", "disable-pip-version-check = true"]
        lines += [f"cert = {_CA}"] if self.ca else []  # pip may bring certificates of its own
        lines += [f"index-url = {self.index}"] if self.index else []
        lines += [f"extra-index-url = {' '.join(self.extra)}"] if self.extra else []
        lines += [f"find-links = {' '.join(self._found())}"] if self._found() else []
        lines += [f"trusted-host = {' '.join(self.trusted)}"] if self.trusted else []
        return "\n".join(lines) + "\n"

    def uv_toml(self, *, on_host: bool = False) -> str:
        """A uv configuration for inside a build, or for this host, to look up as builds do."""
        folders = tuple(map(str, self.find_links))
        found = (*folders, *self.links) if on_host else self._found()
        lines = ["native-tls = true"]  # the name that every uv knows: a base may bring an old one
        lines += [f"index-url = {_toml(self.index)}"] if self.index else []
        lines += [f"extra-index-url = {_toml_list(self.extra)}"] if self.extra else []
        lines += [f"find-links = {_toml_list(found)}"] if found else []
        lines += [f"allow-insecure-host = {_toml_list(self.trusted)}"] if self.trusted else []
        return "\n".join(lines) + "\n"

    def apt_sources(self, suite: str) -> str | None:
        """One-line apt sources for a suite from this host's mirrors, or ``None``: Debian's own."""
        if self.apt is None:
            return None
        mirror, security = self.apt
        lines = [f"deb {mirror} {suite} main"]
        if suite == UNSTABLE:
            return lines[0] + "\n"
        lines += [f"deb {mirror} {suite}-updates main"]
        lines += [f"deb {security} {suite}-security main"] if security else []
        return "\n".join(lines) + "\n"

    def apt_script(self) -> str:
        """What turns apt to this host's mirrors inside a build, where the image is a Debian: a
        piece of shell, since only there is known which Debian."""
        settings = ['Acquire::Retries "3";']
        settings += ['Acquire::https::CAInfo "/run/factory/ca.crt";'] if self.ca else []
        own = [*_file("apt.conf", settings), f"export APT_CONFIG={_APT}/apt.conf"]
        if self.apt is None:
            return "\n".join([*own, ""])
        listed = [
            "case $(cat /etc/debian_version) in */sid)",  # testing and unstable share a code name
            *_file("sources.list", self._apt_lines(UNSTABLE)),
            ";; *)",
            *_file("sources.list", self._apt_lines("$VERSION_CODENAME")),
            ";; esac",
        ]
        turned = [f'Dir::Etc::SourceList "{_APT}/sources.list";', 'Dir::Etc::SourceParts "-";']
        where = [". /etc/os-release", 'if [ "$ID" = debian ]; then', *listed]
        return "\n".join([*own, *where, *_file("apt.conf", turned, ">>"), "fi", ""])

    def _apt_lines(self, suite: str) -> list[str]:
        """Sources as a shell's here-document takes them: all but the suite is as it is written."""
        text = self.apt_sources("@") or "" if suite != UNSTABLE else self.apt_sources(suite) or ""
        for special in ("\\", "$", "`"):
            text = text.replace(special, f"\\{special}")
        return [re.sub(r" @(?=[ -])", lambda _: f" {suite}", line) for line in text.splitlines()]

    def proxy_script(self) -> str | None:
        """What tells programs of the proxies inside a build, as a piece of shell, if there is a
        login in one of them; else ``None``: then build arguments do, which BuildKit records."""
        if not any(_kept(value) for _, value in self.proxies):
            return None
        return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in self.proxies)

    def secrets(self) -> tuple[str, ...]:
        """What of the addresses nobody may see: passwords, tokens in place of a login, queries."""
        proxies = (value for _, value in self.proxies)
        known = (self.index, *self.extra, *self.links, *(self.apt or ()), *proxies)
        return tuple(secret for address in known if address for secret in _kept(address))

    def _found(self) -> tuple[str, ...]:
        mounted = (MOUNTED_PACKAGES,) if self.find_links else ()
        return (*mounted, *self.links)


def hiding(secrets: Iterable[str]) -> Callable[[str], str]:
    """What takes secrets out of a text, in the forms in which programs repeat them: as they are,
    each line of a longer one, percent-encoded or not, and as git and its kin send them. Logins in
    addresses go as well, whosoever they are.
    """
    lines = {line.strip() for secret in secrets for line in secret.splitlines()}
    shown = {form for line in lines if len(line) >= _LEAST for form in _forms(line)}
    ordered = sorted(shown, key=len, reverse=True)  # a short one may be part of a longer one

    def hide(text: str) -> str:
        for secret in ordered:
            text = text.replace(secret, "***")
        return hide_logins(text)

    return hide


def _forms(secret: str) -> set[str]:
    sent = (f"x-access-token:{secret}", f"{secret}:", secret)
    encoded = (b64encode(text.encode()).decode() for text in sent)
    return {secret, unquote(secret), quote(secret, safe=""), *encoded}


def _kept(address: str) -> list[str]:
    rest = address.partition("://")[2] or address
    user, _, password = rest.rpartition("@")[0].partition(":")
    return [secret for secret in (password or user, address.partition("?")[2]) if secret]


def _file(name: str, lines: Sequence[str], how: str = ">") -> list[str]:
    return [f"cat {how} {_APT}/{name} <<END", *lines, "END"]


def _toml(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _toml_list(values: tuple[str, ...]) -> str:
    return "[" + ", ".join(_toml(value) for value in values) + "]"
