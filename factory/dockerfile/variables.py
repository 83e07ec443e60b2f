"""ARG and ENV, as far as they say which images and files a Dockerfile reads."""

from __future__ import annotations

import re
from collections.abc import Mapping

from factory.dockerfile.parse import Instruction, words

_VARIABLE = re.compile(
    r"\\(?P<escaped>\$)|\$(?:(?P<plain>[A-Za-z_]\w*)"
    r"|\{(?P<name>[A-Za-z_]\w*)(?:(?P<how>:?[-+])(?P<word>[^}]*))?\})",
    re.ASCII,
)


def expand(text: str, known: Mapping[str, str]) -> str:
    """A word with its variables replaced; one that is not known stays as it is written."""

    def value(found: re.Match[str]) -> str:
        if found["escaped"]:
            return "$"
        name = found["plain"] or found["name"]
        if not found["how"]:
            return known.get(name, found[0])
        there = bool(known.get(name)) if found["how"].startswith(":") else name in known
        if found["how"].endswith("+"):
            return found["word"] if there else ""
        return known[name] if there else found["word"]

    return _VARIABLE.sub(value, text)


def assigned(instruction: Instruction, known: Mapping[str, str]) -> dict[str, str]:
    """What an ARG or ENV sets; an ARG without a default sets nothing."""
    arguments = instruction.arguments
    if instruction.keyword == "ENV" and "=" not in arguments.split(None, 1)[0]:
        name, _, value = arguments.partition(" ")  # the old form: ENV name value
        return {name: expand(value.strip(), known)}
    pairs = (word.partition("=") for word in words(arguments))
    return {name: expand(value, known) for name, equals, value in pairs if equals}
