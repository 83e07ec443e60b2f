"""The content key of a step: a hash of everything that can change its result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

KEY_FORMAT = "2"
"""Part of every key: raised when the factory builds differently from equal inputs."""


def text_digest(text: str) -> str:
    """SHA-256 of a text in UTF-8, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def key_of(inputs: Iterable[tuple[str, str]]) -> str:
    """The key of named inputs, in hex. The encoding is unambiguous: no two lists share one."""
    listed = [["format", KEY_FORMAT], *(list(item) for item in inputs)]
    return text_digest(json.dumps(listed, separators=(",", ":"), ensure_ascii=True))
