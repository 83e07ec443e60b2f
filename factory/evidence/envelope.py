"""Signed statements: DSSE envelopes, as cosign and others read them. Pure.

https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

from factory.evidence.statement import STATEMENT_TYPE

_SIGNATURES = 16
"""How many are looked at: each costs a check by each key, and a stranger may write thousands."""

ENVELOPE_TYPE = "application/vnd.dsse.envelope.v1+json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """A statement with signatures, each of the bytes that ``signed_bytes`` gives."""

    payload: bytes
    payload_type: str
    signatures: tuple[bytes, ...]


def signed_bytes(payload: bytes, payload_type: str = STATEMENT_TYPE) -> bytes:
    """What is signed: the payload, and the type that it is read as."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def sealed(payload: bytes, signature: bytes) -> bytes:
    """An envelope as it is stored."""
    document = {
        "payloadType": STATEMENT_TYPE,
        "payload": _text(payload),
        "signatures": [{"keyid": "", "sig": _text(signature)}],
    }
    return json.dumps(document, separators=(",", ":")).encode()


def opened(content: bytes) -> Envelope | None:
    """What is in an envelope, or ``None`` where that is none."""
    try:
        document = json.loads(content)
        listed: Sequence[dict[str, str]] = document["signatures"]
        return Envelope(
            payload=base64.b64decode(document["payload"], validate=True),
            payload_type=str(document["payloadType"]),
            signatures=tuple(
                base64.b64decode(one["sig"], validate=True) for one in listed[:_SIGNATURES]
            ),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
