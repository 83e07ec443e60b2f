"""Private keys that unlock nothing, for the gate that has to find them."""

from __future__ import annotations

import secrets
import textwrap
from base64 import b64encode


def private_key() -> str:
    """A new one in PEM's armour, of random bytes: a bare machine has no program that makes keys,
    and none is kept here for scanners of this repository to find."""
    kind = "RSA PRIVATE KEY"
    body = textwrap.wrap(b64encode(secrets.token_bytes(1190)).decode("ascii"), 64)
    return "\n".join([f"-----BEGIN {kind}-----", *body, f"-----END {kind}-----", ""])
