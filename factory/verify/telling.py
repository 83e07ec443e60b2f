"""A script that runs some checks, and what is heard from it while it does."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from factory.model import Check
from factory.process import Completed
from factory.verify import bundle
from factory.verify.events import Transcript, line_of, printable, tidy
from factory.verify.request import ClusterRequest, Material
from factory.verify.smoke.suite import SUITE

_SHOWN = 40
Log = Callable[[str], None]
Disturb = Callable[[str, str], None]
Settle = Callable[[Check], Check]


def nobody(_what: str, _host: str) -> None:
    """Disturbs nothing: where there is no cluster."""


def as_told(check: Check) -> Check:
    """Leaves a result as it is."""
    return check


@dataclass(kw_only=True)
class Telling:
    """Questions to an image, and the answers so far.

    Attributes:
        script: for the image's Python.
        disturb: does to the cluster what a check asks for.
        settle: what the factory makes of a result.
    """

    script: bytes
    transcript: Transcript
    log: Log
    disturb: Disturb = nobody
    settle: Settle = as_told
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def of(
        cls,
        request: ClusterRequest,
        material: Material,
        names: Iterable[str],
        log: Log,
        disturb: Disturb = nobody,
        settle: Settle = as_told,
    ) -> Telling:
        """Ask these checks; only those of the suite itself may have the cluster disturbed."""
        wanted = tuple(names)
        may_ask = {spec.name: spec.asks for spec in SUITE}
        transcript = Transcript(wanted, secrets.token_hex(16), may_ask)
        script = bundle.script(
            material.suite,
            request.expected,
            material.own_checks,
            checks=wanted,
            nonce=transcript.nonce,
        )
        return cls(script=script, transcript=transcript, log=log, disturb=disturb, settle=settle)

    def hear(self, line: str) -> None:
        """Take in what was said, on either stream, and do what was asked for."""
        with self._one_at_a_time:
            if check := self.transcript.read(line):
                check = self.settle(check)
                self.transcript.ended[check.name] = check
                self.log(line_of(check))
            while self.transcript.requests:
                what, host = self.transcript.requests.pop(0)
                self.log(f"{what} {printable(host)[:_SHOWN]}, as {self.transcript.running} asks")
                self.disturb(what, host)


def broken_off(ran: Completed) -> str:
    """Why a script ended before its end, if it did."""
    said = " / ".join(tidy(ran.stderr.splitlines())[-3:])
    return f"the suite broke off with exit code {ran.code}: {said}" if ran.code else ""
