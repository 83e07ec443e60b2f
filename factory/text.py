"""Text from elsewhere (tools, file names, YAML) made safe to show. Pure."""

from __future__ import annotations

import re

_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def clean(text: str) -> str:
    """Text without terminal sequences, control characters (but tab and newline), characters that
    reorder what follows them, and halves of characters, which no stream can encode."""
    return _UNPRINTABLE.sub("", _SEQUENCE.sub("", text))
