"""Being let in by registries: what they ask for, obtained once and kept until it expires."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from factory.registry import tokens
from factory.registry.challenge import BASIC, Challenge, challenge_of
from factory.registry.credentials import Credentials
from factory.registry.reference import Location
from factory.registry.transport import Patience, Transport

FindCredentials = Callable[[str], Credentials | None]
"""From the key of a registry, as Docker has it, to what it keeps for it."""

_MARGIN_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Permit:
    """The value of an ``Authorization`` header, and when it expires by the monotonic clock."""

    header: str = field(repr=False)
    until: float


class Access:
    """What lets requests in, by registry and by what is asked for. Threads may share it.

    Args:
        transport: leads to token services.
        credentials: asked only when a registry wants to know who asks.
    """

    def __init__(self, transport: Transport, credentials: FindCredentials) -> None:
        self._transport = transport
        self._credentials = credentials
        self._asked: dict[tuple[str, str, bool], Challenge] = {}
        self._permits: dict[tuple[str, Challenge], _Permit] = {}
        self._turns: dict[str, threading.Lock] = {}
        self._secrets: set[str] = set()
        self._lock = threading.Lock()

    def known(self, at: Location, *, writes: bool) -> str | None:
        """The header that lets such a request in, if it is known already."""
        challenge = self._asked.get((at.host, at.name, writes))
        return self._valid(at, challenge) if challenge else None

    def obtain(
        self,
        at: Location,
        asked: str,
        *,
        writes: bool,
        refused: str | None,
        patience: Patience,
        where: str,
    ) -> str | None:
        """The header that answers a challenge.

        Args:
            at: the repository.
            asked: the registry's ``WWW-Authenticate``.
            writes: whether the request changes something: such tokens are others.
            refused: the header that was sent, which will do no longer.
            patience: with token services.
            where: for messages.

        Returns:
            ``None`` where there is nothing better than what was sent.

        Raises:
            RegistryError: the token service refused, failed or cannot be reached.
            MachineError: Docker's credentials cannot be had.
        """
        challenge = challenge_of(asked)
        if challenge is None:
            return None
        with self._turn(at.host):  # so that of many threads one asks
            valid = self._valid(at, challenge)
            if valid is None or valid == refused:
                permit = self._permit(at, challenge, patience, where)
                valid = permit.header if permit else None
                if permit:
                    self._permits[at.host, challenge] = permit
            self._asked[at.host, at.name, writes] = challenge
        return None if valid == refused else valid

    def hide(self, text: str) -> str:
        """Text from elsewhere without any secret that was ever sent or received."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "…")
        return text

    def _turn(self, host: str) -> threading.Lock:
        with self._lock:
            return self._turns.setdefault(host, threading.Lock())

    def _valid(self, at: Location, challenge: Challenge) -> str | None:
        permit = self._permits.get((at.host, challenge))
        return permit.header if permit and time.monotonic() < permit.until else None

    def _permit(
        self, at: Location, challenge: Challenge, patience: Patience, where: str
    ) -> _Permit | None:
        credentials = self._credentials(at.key)
        if credentials:
            self._secrets |= {credentials.secret, credentials.basic.partition(" ")[2]}
        if challenge.scheme == BASIC:
            if credentials is None or not credentials.username:
                return None
            return _Permit(header=credentials.basic, until=math.inf)
        asked_at = time.monotonic()
        token = tokens.fetch(
            self._transport, challenge, credentials, at=at, patience=patience, where=where
        )
        self._secrets.add(token.text)
        until = asked_at + token.seconds - _MARGIN_SECONDS
        return _Permit(header=f"Bearer {token.text}", until=until)
