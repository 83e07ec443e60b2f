"""Asking a token service for a token.

https://distribution.github.io/distribution/spec/auth/token
https://distribution.github.io/distribution/spec/auth/oauth
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from factory.errors import RegistryError
from factory.registry.challenge import Challenge
from factory.registry.credentials import Credentials
from factory.registry.reference import Location, is_loopback
from factory.registry.transport import Patience, Transport, reason_of

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

_CLIENT = "ray-image-factory"
_SECONDS = 60.0  # how long a token lives where nothing is said, by the specification
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """A bearer token, and how many seconds it lives."""

    text: str = field(repr=False)
    seconds: float


def fetch(
    transport: Transport,
    challenge: Challenge,
    credentials: Credentials | None,
    *,
    at: Location,
    patience: Patience,
    where: str,
) -> Token:
    """The token that a registry at ``at`` asked for; an anonymous one without credentials.

    Raises:
        RegistryError: the token service refused, failed, cannot be reached, or is not safe to ask.
    """
    from urllib3.exceptions import HTTPError

    _require_safe(challenge.realm, at, where)
    method, url, headers, body = _question(challenge, credentials)
    try:
        answer = transport.request(method, url, headers=headers, body=body, patience=patience)
    except HTTPError as error:
        raise RegistryError(
            f"the token service {_host(challenge)} cannot be reached: {reason_of(error)}",
            where=where,
            todo="see that this machine can reach it: the registry leaves logins to it",
        ) from error
    if answer.status != 200:
        raise _refused(answer, at, challenge, credentials, where)
    return _token(answer.data, challenge, where)


def _question(
    challenge: Challenge, credentials: Credentials | None
) -> tuple[str, str, dict[str, str], bytes | None]:
    """Method, URL, headers and body: anonymous or with a password, else with an identity token."""
    wanted = {"service": challenge.service, "scope": challenge.scope}
    query = {name: value for name, value in wanted.items() if value}
    if credentials and not credentials.username:
        form = query | {"grant_type": "refresh_token", "client_id": _CLIENT}
        body = urlencode(form | {"refresh_token": credentials.secret}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return "POST", challenge.realm, headers, body
    joint = "&" if urlsplit(challenge.realm).query else "?"
    url = f"{challenge.realm}{joint}{urlencode(query)}" if query else challenge.realm
    return "GET", url, {"Authorization": credentials.basic} if credentials else {}, None


def _require_safe(realm: str, at: Location, where: str) -> None:
    try:
        parts = urlsplit(realm)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        named = False
    here = named and is_loopback(parts.netloc) and is_loopback(at.host)
    if named and (parts.scheme == "https" or (parts.scheme == "http" and here)):
        return
    raise RegistryError(
        "the registry wants a token that can only be had over a connection that others can read",
        status=401,
        where=where,
        todo="give its token service an https address",
    )


def _token(content: bytes, challenge: Challenge, where: str) -> Token:
    try:
        document: dict[str, Any] = json.loads(content)
        token = str(document.get("token") or document["access_token"])
        seconds = float(document.get("expires_in") or _SECONDS)
    except (ValueError, KeyError, TypeError, AttributeError):
        token, seconds = "", 0.0
    if not _TOKEN.fullmatch(token):
        raise RegistryError(
            f"the token service {_host(challenge)} did not answer with a token",
            where=where,
            todo="see what stands between here and it",
        )
    return Token(text=token, seconds=seconds)


def _refused(
    answer: BaseHTTPResponse,
    at: Location,
    challenge: Challenge,
    credentials: Credentials | None,
    where: str,
) -> RegistryError:
    who = f"the credentials that Docker keeps for {at.key}" if credentials else "a token"
    todo = f"log in with `{at.login}`" + (", or log out of it" if credentials else "")
    if answer.status == 429:
        todo = "wait for its limit to pass, then run again"
    elif answer.status >= 500:
        todo = "wait until it works again"
    return RegistryError(
        f"the token service {_host(challenge)} refused {who} (HTTP {answer.status})",
        status=answer.status,
        where=where,
        todo=todo,
    )


def _host(challenge: Challenge) -> str:
    return urlsplit(challenge.realm).netloc.rpartition("@")[2]
