"""What a registry asks for when it does not let a request in. Pure.

RFC 9110, section 11; https://distribution.github.io/distribution/spec/auth/token
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

BASIC, BEARER = "basic", "bearer"
_PART = re.compile(
    r'(?P<name>[\w-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s,"]+))'
    r"|(?P<scheme>[\w-]+)(?=\s|,|$)",
    re.ASCII,
)
_PARAMETERS = ("realm", "service", "scope")


@dataclass(frozen=True, kw_only=True, slots=True)
class Challenge:
    """A way to be let in.

    Attributes:
        scheme: ``BASIC``, or ``BEARER``, for which ``realm`` is the address of a token service.
        service: who the token is for.
        scope: what it is to allow.
    """

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def challenge_of(header: str) -> Challenge | None:
    """The way to go among those of a ``WWW-Authenticate`` header; ``None`` if none is known.

    A token goes before a password, which it keeps from being sent with each request.
    """
    offered: list[Challenge] = []
    for part in _PART.finditer(header):
        if part["scheme"]:
            offered.append(Challenge(scheme=part["scheme"].lower()))
        elif offered and part["name"].lower() in _PARAMETERS:
            value = re.sub(r"\\(.)", r"\1", part["quoted"] or "") or part["bare"] or ""
            offered[-1] = replace(offered[-1], **{part["name"].lower(): value})
    known = {one.scheme: one for one in reversed(offered)}
    bearer = known.get(BEARER)
    return bearer if bearer and bearer.realm else known.get(BASIC)
