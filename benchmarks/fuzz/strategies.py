"""Input of every kind: good values, odd ones, and ones by which somebody wants to get something
run or read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

MARK = "owned"
"""A word in every payload: where one gets through, it is found again."""

PAYLOADS = (
    f"a\nRUN touch /{MARK}",
    f"a\r\nRUN touch /{MARK}",
    f'a"\nUSER {MARK}\nLABEL b="',
    f"$(touch {MARK})",
    f"`touch {MARK}`",
    f"${{{MARK}}}",
    f'"; touch {MARK}; "',
    f"'; touch {MARK}; '",
    f"a && touch {MARK}",
    f"a | tee {MARK}",
    f"a \\\n{MARK}",
    f"<<{MARK}\n{MARK}",
    f"# syntax={MARK}",
    f"{{{{ {MARK} }}}}",
    f"{{% set {MARK} = 1 %}}",
    f"{{{{ ''.__class__.__mro__ }}}}{MARK}",
    f"--{MARK}",
    f"-o{MARK}",
    f"../{MARK}",
    f"/{MARK}",
    f"~/{MARK}",
    f"$HOME/{MARK}",
    f"a/../../{MARK}",
    f"ext::sh -c {MARK}",
    f"file:///{MARK}",
    f"https://me:{MARK}@h.example/a.git",
    f"https://h.example/a.git#{MARK}",
    f"a\0{MARK}",
    f"\x1b]0;{MARK}\x07",
    f"\u202e{MARK}",
    f"оwned{MARK}",  # its first letter is Cyrillic
    f"a{chr(0x2028)}RUN {MARK}",
    f"%{{{MARK}}}",
    f"{MARK}," * 2_000,
)
_GOOD = (
    *("a", "demo", "base", "runtime", "2.60.0", "2.55.1", "3.11", "3.13", "cpu", "gpu", "app"),
    *("curl", "libjemalloc2", "cuda130", "2.13.0+cpu", "2.13.0", "CVE-2026-1", "2027-01-31"),
    *("requirements.txt", "checks.py", "install.sh", "app/main.py", "https://i.example/simple"),
    *("https://h.example/a.git", "main", "packages", "registry", "auto", "m.example/ray", "x*"),
)
ODD: SearchStrategy[Any] = st.one_of(
    st.sampled_from(_GOOD),
    st.sampled_from(PAYLOADS),
    st.none() | st.booleans() | st.integers(-3, 12) | st.floats(),
    st.sampled_from(
        (10**30, -(2**64), "9" * 5_000, "a" * 5_000, "=", "<<", "1:30", "0x1F", ".inf")
    ),
    st.text(max_size=12),
    st.lists(st.sampled_from((*_GOOD, *PAYLOADS[:6])), max_size=3),
    st.dictionaries(st.sampled_from((*_GOOD, "ray", "device")), st.sampled_from(_GOOD), max_size=2),
)
_SNIPPETS = (
    "x: &a [1]\ny: *a\n",
    "x: &a [*a]\n",
    "<<: {a: 1}\n",
    "<<: *none\n",
    "? [a, b]\n: c\n",
    "x: !!python/object/apply:os.system [id]\n",
    "x: !!binary aGk=\n",
    "x: !!set {a}\n",
    "x: !<tag:owned> y\n",
    "axes: {}\n",
    "description: again\n",
    "---\na: 1\n",
    "...\n",
    "%TAG ! tag:owned,2026:\n---\n",
    "x: " + "[" * 60 + "\n",
    "x: " + "{a: " * 900 + "\n",
    "x: " + "1:" * 3_000 + "1\n",
    "x: 2026-99-99\n",
    'x: "\\U0011ffff"\n',
    "x: '" + "://a:" * 5_000 + "'\n",
    "x: &b '" + "z" * 3_999 + "'\ny: [" + "*b, " * 3_000 + "]\n",
    "\ufeff",
    "\t- a\n",
    "x: |\n  a\n b\n",
    "\x00",
    "\x85\u2028",
)
_BOMB = "a: &a [x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefg", "bcdefgh", strict=True)
)


def _paths(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Of everything in plain data."""
    below: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        below = list(value.items())
    elif isinstance(value, list):
        below = list(enumerate(value))
    return [*([path] if path else []), *(one for k, v in below for one in _paths(v, (*path, k)))]


def _key(path: tuple[str | int, ...]) -> str:
    return next((part for part in reversed(path) if isinstance(part, str)), "")


def _at(data: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        data = data[part]
    return data


def _changed(data: Any, path: tuple[str | int, ...], how: str, value: object) -> Any:
    """Data of which one place is replaced, taken away, renamed, or tripled."""
    if not isinstance(data, dict | list) or not path:
        return value
    at, *rest = path
    items = list(data.items() if isinstance(data, dict) else enumerate(data))
    made: list[tuple[Any, Any]] = []
    for key, old in items:
        if key != at:
            made.append((key, old))
        elif rest:
            made.append((key, _changed(old, tuple(rest), how, value)))
        elif how == "rename" and isinstance(value, str):
            made.append((value, old))
        elif how != "drop":
            made += [(key, value)] if how == "replace" else [(key, old)] * 3
    return dict(made) if isinstance(data, dict) else [one for _, one in made]


_TEXTS = (f"it's; touch /{MARK} # <<E", f"& {MARK} (=%!) @a*?", f"a' --{MARK}", "RUN x; USER 0")
FITTING: Mapping[str, tuple[Any, ...]] = {
    "python": ("3.11", "3.13"),
    "ray": ("2.60.0", "2.55.1"),
    "device": ("cpu", "gpu"),
    "flavour": ("a", "b", MARK),
    "reason": _TEXTS,
    "description": _TEXTS,
    "epoch": ("2026-11", "a.b-"),
    "source": ("app", {"git": "https://h.example/a--b.git", "ref": f"v1/{MARK}+x"}),
    "apt": ("curl=8:1.0~rc1+b-1", "a++"),
    "env": ({"A": f"~/{MARK} %s,^a=b:@c"}, {"_": "", "LD_PRELOAD": "/x"}, {"PATH": "a b"}),
    "A": ("~", f"a=b c=d {MARK}", "^", "%%", " lead"),
    "version": ("2.13.0+cpu", "2.13.0", "2.13.0+cu130"),
    "index": ("http://i.example:8080/a+b/", "https://1.2.3.4"),
    "ref": (f"refs/heads/{MARK}", "v1.0+x"),
    "writable": ("/a/..b", f"/{MARK}/.x"),
    "secrets": ("TOKEN", "PATH", "_"),
    "extras": ("default", "serve-grpc"),
    "id": ("DS-0001", "a:b.c"),
    "until": ("2027-01-31", "2099-12-31"),
    "images": ("d*", "*", "?emo"),
    "mirror": ("m.example:5000/a", "localhost/x"),
}
"""Other values that are allowed, by the key that they stand under; some look like more."""


@st.composite
def documents(draw: st.DrawFn, good: Mapping[str, Any]) -> bytes:
    """A good file in which a few things are others; now and then its text is spoilt, too."""
    data: Any = json.loads(json.dumps(good))
    for _ in range(draw(st.integers(0, 4))):
        places = [one for one in _paths(data) if _key(one) in FITTING]
        place = draw(st.sampled_from(places)) if places else ()
        value = draw(st.sampled_from(FITTING[_key(place)])) if places else None
        if places and type(value) is type(_at(data, place)):
            data = _changed(data, place, "replace", value)
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 1, 2, 3)))):
        if places := _paths(data):
            how = draw(st.sampled_from(("replace", "replace", "replace", "drop", "rename", "more")))
            data = _changed(data, draw(st.sampled_from(places)), how, draw(ODD))
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=draw(st.booleans()))
    kind = draw(st.integers(0, 19))
    if kind < 3:
        lines = text.splitlines(keepends=True)
        lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(_SNIPPETS)))
        text = "".join(lines)
    elif kind == 3:
        text = _BOMB + text
    raw = text.encode("utf-8", "surrogatepass")
    if kind == 4:
        return draw(st.binary(max_size=60)) + raw
    return draw(st.binary(max_size=200)) if kind == 5 else raw


_WORDS = st.sampled_from(
    (
        *("a", "b", "/", ".", "scratch", "ubuntu:24.04", "$A", "${A:-b}", "${A:+${B}}", "${A#x}"),
        *("AS", "--from=a", "--from=0", "--mount=type=bind,from=x,source=y", "--mount=type=cache"),
        *("--mount=type=bind,source=../..", '["a", "b"]', '["a", 1]', "[", "<<E", "<<-'E'", "<<"),
        *("https://h.example/a.git#v1:f", "https://h.example/f", "git@h.example:a.git", '"', "'"),
        *("A=1", 'A="x y"', "A=$A", "\\", "`", "é", "\0", "\u2028", "--", "--x", "*", "[a-", "a,b"),
        *(" " * 2_000, "${A:-" * 400, "\\" * 300, '"\\' * 300, "x" * 3_000),
    )
)
_KEYWORDS = (
    *("FROM", "FROM", "RUN", "COPY", "ADD", "ARG", "ENV", "ONBUILD", "ONBUILD RUN", "LABEL"),
    *(
        "SHELL",
        "CMD",
        "USER",
        "WORKDIR",
        "HEALTHCHECK",
        "from",
        "MAINTAINER",
        "NONE",
        "ONBUILD FROM",
    ),
)
_LINES = st.builds(
    lambda keyword, words, end: " ".join([keyword, *words]) + end,
    st.sampled_from(_KEYWORDS),
    st.lists(_WORDS, max_size=4),
    st.sampled_from(("\n", "\n", "\n", " \\\n", "\\\n\n# c\n", "\r\n", "")),
)
_PIECES = st.one_of(
    _LINES,
    _LINES,
    _LINES,
    st.sampled_from(
        (
            *("FROM a AS b\n", "RUN true\n", "COPY a b\n", "E\n", "\tE\n", "# c\n", "\n"),
            *("# factory ignore=download\n", "RUN <<E\na\nE\n", "COPY <<A <<'B' /x/\nA\nB\n"),
            *("ARG A=b\n", "ENV A b\n", "ADD https://h.example/a.git#v1 /a\n"),
            *("COPY --from=alpine:3 a b\n", "ONBUILD FROM a\n", "ONBUILD COPY <<A /x\nA\n"),
        )
    ),
    st.text(max_size=10),
)
_HEADS = (
    *("FROM a\n", "FROM a\n", "FROM a\n", "", "# escape=`\n", "# syntax=docker/dockerfile:1\n"),
    *("#!x\n# syntax = a b\n", "# escape=x\n", "\ufeff", "#a=" + " " * 3_000 + "x\n"),
)
DOCKERFILES = st.builds(
    lambda head, pieces: head + "".join(pieces),
    st.sampled_from(_HEADS),
    st.lists(_PIECES, max_size=8),
)
