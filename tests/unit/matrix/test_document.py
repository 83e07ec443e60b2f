"""YAML as data: whatever the text, either plain data with places or a ConfigError."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from factory.errors import ConfigError
from factory.matrix import parse_image, parse_matrix
from factory.matrix.document import parse
from factory.model import Cell
from tests.conftest import IMAGE, ROOT

SHIPPED = (ROOT / "matrix.yaml").read_text()
CELL = Cell(python="3.11", ray="2.60.0", device="cpu")
TOKENS = [
    "!!int ",
    "!!map ",
    "!!timestamp ",
    "&a ",
    "*a",
    "<<: ",
    "? ",
    "- ",
    "[",
    "{",
    "}",
    "]",
    ": ",
    "> ",
    "%YAML 9.9\n",
    "---\n",
    "...\n",
    "0x",
    "1e999",
    "~",
    "\t",
    '"\\ud800"',
    '"\\UFFFFFFFF"',
    "\ufeff",
    "\x00",
    "\x85",
    "\u2028",
    "2024-02-31",
    "''",
    "=",
]
TOKENS += ["| ", "9" * 5000]


def accepts(text: str) -> bool:
    """Whether a text is a matrix; raises whatever should never come out."""
    try:
        parse_matrix(text, registry="127.0.0.1:5000")
    except ConfigError as error:
        check_message(error)
        return False
    return True


def check_message(error: ConfigError) -> None:
    """It is printable, has a place and a next step, and fits a screen."""
    lines = str(error).split("\n")
    assert all(line.isprintable() for line in lines)
    assert lines[0].startswith(("matrix.yaml", "images/demo"))
    assert any(line.startswith("  → ") for line in lines)
    assert len(lines) <= 25


@settings(max_examples=300)
@given(st.text())
@example("!!timestamp x")
@example('!!int ""')
@example('!!float ""')
@example("!!bool x")
@example('"\\UFFFFFFFF"')
@example("&a [*a]")
def test_arbitrary_text_gives_nothing_worse_than_a_config_error(text: str) -> None:
    assert not accepts(text)


@settings(max_examples=300)
@given(st.lists(st.one_of(st.sampled_from(TOKENS), st.text(max_size=3)), max_size=12))
def test_nor_does_text_made_of_the_pieces_of_yaml(pieces: list[str]) -> None:
    assert not accepts("".join(pieces))


@settings(max_examples=400)
@given(st.data())
def test_nor_does_a_mutated_matrix(data: st.DataObject) -> None:
    text = SHIPPED
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.sampled_from([0, 0, 1, 2, 10]))
        insert = data.draw(st.one_of(st.sampled_from(["", *TOKENS]), st.text(max_size=3)))
        text = text[:start] + insert + text[start + cut :]
    accepts(text)


@settings(max_examples=200)
@given(st.data())
def test_nor_does_a_mutated_image(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(IMAGE)))
    insert = data.draw(st.one_of(st.sampled_from(TOKENS), st.text(max_size=3)))
    text = IMAGE[:start] + insert + IMAGE[start + data.draw(st.integers(0, 3)) :]
    try:
        parse_image(text, name="demo", folder="images/demo", cells=(CELL,))
    except ConfigError as error:
        check_message(error)


@settings(max_examples=200)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.dates()),
        lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    ),
    st.sampled_from(
        ["axes", "exclude", "include", "latest", "images", "base", "runtime", "targets", "policy"]
    ),
)
def test_nor_does_any_value_in_the_place_of_another(value: object, key: str) -> None:
    import yaml

    data = yaml.safe_load(SHIPPED) | {key: value}
    accepts(yaml.safe_dump(data, allow_unicode=True))


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("a: 1\nb: {c: 2, c: 3}\n", ":2:11", "duplicate key 'c'"),
        ("a: 1\n  b: 2\n", ":2:4", "not valid YAML"),
        ("a:\n  <<: {b: 1}\n", ":2:3", "merge keys are not supported"),
        ("a: !!python/name:os.system\n", ":1:4", "is not supported"),
        ("a: !mine x\n", ":1:4", "'!mine' is not supported"),
        ("a: !!seq x\n", ":1:4", "is not supported"),
        ("a: !!binary aGk=\n", ":1:4", "is not supported"),
        ("a: 2024-02-31\n", ":1:4", "unreadable value '2024-02-31'"),
        ("a: 0x" + "f" * 6000, ":1:4", "unreadable value"),
        ("3.11: a\n", ":1:1", "as float"),
        ("on: a\n", ":1:1", "as bool"),
        ("[a]: b\n", ":1:1", "a key must be a plain word"),
        ("a: b\n\nc: \0\n", ":3:4", "U+0000"),
        ("a: 1\n--- b: 2\n", ":2:1", "not valid YAML"),
        ("a: *nowhere\n", ":1:4", "undefined alias"),
        ("", "", "the file is empty"),
        ("[" * 5000, "", "nested too deeply"),
        ("- " * 5000, "", "nested too deeply"),
        ("&a [*a]", "", "nested too deeply"),
        ("x" * 200_001, "", "larger than 200,000 characters"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, place: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(text, "f.yaml")
    assert raised.value.where == f"f.yaml{place}"
    assert said in raised.value.what


def test_an_alias_bomb_ends_early() -> None:
    text = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n"
        for old, new in zip("abcdefghijkl", "bcdefghijklm", strict=True)
    )
    started = time.monotonic()
    with pytest.raises(ConfigError, match="once aliases are expanded"):
        parse(text, "f.yaml")
    assert time.monotonic() - started < 10


def test_the_largest_text_is_judged_in_bounded_time() -> None:
    started = time.monotonic()
    with pytest.raises(ConfigError):
        parse("[" + "a," * 99_999 + "]", "f.yaml")
    assert time.monotonic() - started < 30


def test_plain_values_and_a_byte_order_mark_are_read() -> None:
    document = parse('\ufeffa: [1, 2.5, true, ~, "x", 2024-02-29]\nb: {c: d}\n', "f.yaml")
    assert isinstance(document.data, dict)
    assert document.data["a"][:5] == [1, 2.5, True, None, "x"]
    assert document.data["b"] == {"c": "d"}
    assert document.where(("b", "c")) == "f.yaml:2:5"
    assert document.where(("a", 4)) == "f.yaml:1:22"
    assert document.where(("b", "nowhere", 0)) == "f.yaml:2:1", "the nearest place around it"


@pytest.mark.parametrize(
    "text",
    [
        "a: &x '" + "y" * 90_000 + "'\nb: [" + "*x, " * 25_000 + "]\n",
        "a: &x " + "1:" * 40_000 + "1\nb: [" + "*x, " * 25_000 + "]\n",
    ],
    ids=["a string", "a number"],
)
def test_a_long_value_is_not_read_over_and_over(text: str) -> None:
    began = time.process_time()
    with pytest.raises(ConfigError, match=r"more than 4,000 characters|unreadable"):
        parse(text, "f.yaml")
    assert time.process_time() - began < 10
