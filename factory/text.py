"""Text from elsewhere (tools, file names, YAML) made safe to show, and made to fit. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

MARKS = {"done": "✓", "cached": "=", "failed": "✗", "blocked": "–", "cancelled": "–"}
"""What became of a piece of work, by its state, in one character."""

_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

_TROUBLE = re.compile(
    r"(?:[0-9]+\.[0-9]+ )?\s*(?:error\b|fatal\b|E: |×|Traceback \(most recent)", re.IGNORECASE
)
"""How a line begins that tells of an error, behind BuildKit's seconds."""

_WIDEST = 600
"""Characters of a line that a program said: pip lists all releases that there are in one."""

_WORD = re.compile(r"\S+")
_LOGIN = re.compile(
    r"(?<=://)[^/\s:@]*:\S*@"  # user:password, in which some forget to encode a slash
    r"|(?<=://)[^/\s@]*@"  # a token in place of both
)
_BARE_LOGIN = re.compile(r"[^/\s:@]*:(?!//)\S*@")  # without a scheme, where a text begins


def hide_logins(text: str) -> str:
    """Text without what stands before the host of addresses: user, password, token."""
    bare = _BARE_LOGIN.match(text)
    return _WORD.sub(_hide_login, f"***@{text[bare.end() :]}" if bare else text)


def _hide_login(word: re.Match[str]) -> str:
    head, at, tail = word[0].rpartition("@")  # so that no search goes on to the end in vain
    return _LOGIN.sub("***@", head + at) + tail


def clean(text: str) -> str:
    """Text without terminal sequences, control characters (but tab and newline), characters that
    reorder what follows them, and halves of characters, which no stream can encode."""
    return _UNPRINTABLE.sub("", _SEQUENCE.sub("", text))


def for_bake(text: str) -> str:
    """Text that says in a bake file what it says here: bake reads ``${…}`` and ``%{…}`` in JSON,
    too."""
    return text.replace("${", "$${").replace("%{", "%%{")


def one_line(text: str) -> str:
    """Cleaned text as one line, each run of blanks a single space."""
    return " ".join(clean(text).split())


def gist(lines: Sequence[str], most: int) -> list[str]:
    """Of what a program said before it failed, the last lines; and where its first word of an error
    is before these, that too, with what is between left out. Overlong lines lose their middle.

    Args:
        most: how many lines to show.
    """
    begun = next((at for at, line in enumerate(lines) if _TROUBLE.match(line)), len(lines))
    shown = list(lines[-most:])
    if begun < len(lines) - most:
        half = most // 2
        left_out = len(lines) - begun - 2 * half
        shown = [*lines[begun : begun + half], f"… {left_out} more lines …", *lines[-half:]]
    return [line if len(line) <= _WIDEST else shorten(line, _WIDEST) for line in shown]


def shorten(text: str, width: int) -> str:
    """Text that is too long without its middle, whose ends tell more: of an id the image and the
    device, of a sentence its subject and how it ended."""
    return distinct([text], width)[0]


def distinct(texts: Sequence[str], width: int) -> list[str]:
    """Each text in at most ``width`` characters; different ones stay different.

    All are cut at the same place: the middle, or as near to it as tells them apart. Where no single
    place does, they are numbered.
    """
    unique = list(dict.fromkeys(texts))
    for head in sorted(range(width), key=lambda at: abs(at - width // 2)):
        short = [_cut(text, width, head) for text in unique]
        if len(set(short)) == len(unique):
            break
    else:
        short = [_numbered(text, width, at) for at, text in enumerate(unique, 1)]
    found = dict(zip(unique, short, strict=True))
    return [found[text] for text in texts]


def _cut(text: str, width: int, head: int) -> str:
    if len(text) <= width:
        return text
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"


def _numbered(text: str, width: int, number: int) -> str:
    mark = f"…{number}"
    return text if len(text) <= width else (text[: max(width - len(mark), 0)] + mark)[:width]
