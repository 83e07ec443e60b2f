"""What the path of a file tells: that it may hold what nobody meant to hand on, or that a tool left
it behind. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from factory.scan.tree import Entry, Kind

_SHELL, _CLIENT = "history of a shell", "history of a database's client"
_LOGINS, _PACKAGES, _HUB = "logins of hosts", "logins of package indexes", "token of Hugging Face"
_AWS, _GOOGLE, _GIT = "credentials of AWS", "credentials of Google Cloud", "logins of git"
_SSH, _KEY = "keys or hosts of SSH", "private key of SSH"

_NAMES = {
    ".netrc": _LOGINS,
    "_netrc": _LOGINS,
    ".git-credentials": _GIT,
    ".pypirc": _PACKAGES,
    ".npmrc": _PACKAGES,
    "pip.conf": _PACKAGES,
    ".condarc": _PACKAGES,
    ".boto": _AWS,
    ".s3cfg": _AWS,
    "application_default_credentials.json": _GOOGLE,
    "kaggle.json": "token of Kaggle",
    "rclone.conf": "logins of rclone",
    ".pgpass": "logins of databases",
    ".my.cnf": "logins of databases",
    ".vault-token": "token of Vault",
    ".env": "variables of an environment",
    ".bash_history": _SHELL,
    ".zsh_history": _SHELL,
    ".ash_history": _SHELL,
    ".python_history": "history of Python",
    ".psql_history": _CLIENT,
    ".mysql_history": _CLIENT,
    ".rediscli_history": _CLIENT,
}
"""What a file is called, anywhere."""

_FOLDERS = {
    ".aws": _AWS,
    ".azure": "credentials of Azure",
    ".gnupg": "keys of GnuPG",
    ".password-store": "passwords",
}
"""A folder with nothing in it that others should have."""

_PAIRS = {
    (".docker", "config.json"): "logins of registries",
    ("containers", "auth.json"): "logins of registries",
    (".config", "gcloud"): _GOOGLE,
    (".config", "gh"): "token of GitHub",
    ("git", "credentials"): _GIT,
    (".kube", "config"): "logins of Kubernetes",
    (".huggingface", "token"): _HUB,
    ("huggingface", "token"): _HUB,
    ("huggingface", "stored_tokens"): _HUB,
    (".ray", "auth_token"): "token of Ray, which a cluster started here would demand from everyone",
}
"""A folder, and what is in it."""

_PRIVATE_KEY = re.compile(r"id_(rsa|dsa|ecdsa|ed25519)(_sk)?")
_PUBLIC = re.compile(r".*\.pub|known_hosts(\.old)?")

_HISTORIES = "histories of tools"
_LEFT = frozenset({".viminfo", ".lesshst", ".wget-hsts", ".sudo_as_admin_successful"})
_TEMPORARY = "temporary files"
_CACHES = "caches"
_PLACES = {
    ("tmp",): _TEMPORARY,
    ("var", "tmp"): _TEMPORARY,
    ("var", "log"): "logs",
    ("var", "lib", "apt", "lists"): "lists of apt",
    ("var", "cache"): _CACHES,
}
"""Folders by where they are."""

_CACHE_FOLDERS = frozenset({".cache", ".ipynb_checkpoints", ".pytest_cache", ".mypy_cache"})


def forgotten(path: Sequence[str]) -> str:
    """What a file may hold that people forget in a container; empty if nothing tells that.

    Args:
        path: the names on the way to it, its own last.
    """
    name = path[-1]
    if name in _NAMES:
        return _NAMES[name]
    if _PRIVATE_KEY.fullmatch(name):
        return _KEY
    if ".ssh" in path[:-1]:
        return "" if _PUBLIC.fullmatch(name) else _SSH
    inside = next((_FOLDERS[part] for part in path[:-1] if part in _FOLDERS), "")
    pairs = pairwise(path)
    return inside or next((_PAIRS[pair] for pair in pairs if pair in _PAIRS), "")


def privilege(path: Sequence[str], entry: Entry, before: Entry | None) -> str:
    """What a file allows whoever starts it that one before it did not; empty if it is nothing, and
    for what is in ``/dev``, in the place of which every container has its own."""
    now = () if path[0] == "dev" else _privileges(entry)
    return "" if before is not None and now == _privileges(before) else ", ".join(now)


def _privileges(entry: Entry) -> tuple[str, ...]:
    if entry.kind is Kind.DEVICE:
        return ("a device",)
    if entry.kind not in (Kind.FILE, Kind.HARDLINK):
        return ()
    user = "root" if entry.uid == 0 else f"user {entry.uid}"
    found = {
        f"runs as {user}": entry.mode & 0o4000,
        f"runs with group {entry.gid}": entry.mode & 0o2000,
        "has capabilities": entry.capable,
    }
    return tuple(words for words, there in found.items() if there)


def noise(path: Sequence[str]) -> str:
    """What a file is of that tools leave behind; empty for what may well be meant.

    Args:
        path: the names on the way to it, its own last.
    """
    name = path[-1]
    if "__pycache__" in path or name.endswith(".pyc"):
        return "compiled Python"
    if (name.endswith("_history") and name in _NAMES) or name in _LEFT:
        return _HISTORIES
    for place, what in _PLACES.items():
        if tuple(path[: len(place)]) == place:
            return what
    conda = ("anaconda3", "pkgs") in pairwise(path)
    return _CACHES if conda or not _CACHE_FOLDERS.isdisjoint(path) else ""
