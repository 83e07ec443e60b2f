"""Inert values: a template goes the same way with them, and none of their characters gets out."""

from __future__ import annotations

from dataclasses import dataclass

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.dockerfile import inert, plain
from factory.model import Cell
from factory.render import Renderer

CELL = Cell(python="3.11", ray="2.60.0", device="cpu", extra=(("flavour", "small"),))


def render(text: str, **variables: object) -> str:
    return Renderer({"a.j2": text}).render("a.j2", variables)


@dataclass(frozen=True)
class Holder:
    """With all that a template may meet."""

    name: str
    none: None = None
    numbers: tuple[int, ...] = (1, 2)

    def shout(self, end: str) -> str:
        return f"{self.name.upper()}{end}"

    def __str__(self) -> str:
        return f"holder; {self.name}"


@given(st.text(), st.text())
def test_questions_are_answered_by_the_original(one: str, other: str) -> None:
    first, second = inert(one), inert(other)
    assert (first == other, first == second) == (one == other,) * 2
    assert (first != other, first < second, first <= other) == (
        one != other,
        one < other,
        one <= other,
    )
    assert (first > other, first >= second) == (one > other, one >= other)
    assert (hash(first), len(first), bool(first)) == (hash(one), len(one), bool(one))
    assert (second in first, other in first) == (other in one,) * 2
    assert first.startswith(second) == one.startswith(other)
    assert {one: 1}.get(first) == 1
    assert list(first) == list(one)
    assert first.split() == one.split()
    assert first.partition("a") == one.partition("a")
    assert first[::2] == one[::2]
    assert first + other == one + other == plain(one + inert(other))


@given(st.text(alphabet=st.characters(exclude_characters="x")))
def test_the_characters_are_neutral_wherever_they_are_put(value: str) -> None:
    name = inert(value)
    found = [
        "".join([name, *name, *name.split(), name[1:], name.upper(), name + name]),
        f"{name}{name.strip()}{name.replace('a', 'b')}",
        "%s" % name,  # noqa: UP031  # the filter `format` does it so
        str(name),
        "".join(map(str, inert({value: [value, {value}, (value,)]})[value][0])),
    ]
    assert set("".join(found)) <= {"x"}
    assert bool("".join(found)) == bool(value)


SAME_WAY = [
    "{% if name == '3.11' %}1{% endif %}",
    "{% if name in ['3.11', '3.12'] and '.1' in name %}1{% endif %}",
    "{% if name.split('.')[1] | int > 10 and name | float > 3 %}1{% endif %}",
    "{% if name | replace('.', '') | int == 311 %}1{% endif %}",
    "{% if name | length == 4 and name | first == '3' and name | last == '1' %}1{% endif %}",
    "{% if name | upper == '3.11' and name is string and name is not mapping %}1{% endif %}",
    "{% if {'3.11': true}[name] and {'3.11': true}.get(name) %}1{% endif %}",
    "{% if [name, '3.9'] | sort | last == '3.9' %}1{% endif %}",
    "{% if [name, name] | unique | list | length == 1 %}1{% endif %}",
    "{% for part in name.split('.') %}{{ loop.index }}{% endfor %}",
    "{% if cell.python == name and cell.id.endswith('small') %}1{% endif %}",
    "{% if cell.axes['ray'] > '2.6' %}1{% endif %}",
    "{% if not cell.rllib and cell and cell == cell and holder.none is none %}1{% endif %}",
    "{% if holder.shout('!') == 'A B!' and holder.numbers | sum == 3 %}1{% endif %}",
    "{% for axis, value in cell.extra if axis == 'flavour' and value == 'small' %}1{% endfor %}",
    "{% set n = namespace(s=name) %}{% if n.s == '3.11' %}1{% endif %}",
    "{% macro f(x) %}{% if x == '3.11' %}1{% endif %}{% endmacro %}{{ f(name) }}",
    "{% if name | wordcount == 2 and name.isalnum() == false %}1{% endif %}",
]


@pytest.mark.parametrize("text", SAME_WAY)
def test_a_template_goes_the_same_way(text: str) -> None:
    variables = {"name": "3.11", "cell": CELL, "holder": Holder("a b")}
    rendered = render(text, **variables)
    assert rendered
    assert render(text, **{name: inert(value) for name, value in variables.items()}) == rendered


PLACES = {
    "{{ name }}; {{ name | upper | lower }}": "x; x",
    "{{ name ~ ' && ls' }}": "x && ls",
    "{{ name + ' && ' + name }}": "x && x",
    "{{ 'ls ' + name }}": "ls x",
    "{{ [name, name] | join(' | ') }}": "x | x",
    "{{ '%s;%s' | format(name, name) }} {{ '<{}>'.format(name) }}": "x;x <x>",
    "{{ cell }} {{ cell.id }} {{ cell.axes['ray'] }}": "x x x",
    "{{ holder }} {{ holder.shout('&') }} {{ holder.numbers | join(',') }}": "x x 1,2",
    "{{ name | trim }}{{ name | title }}{{ name | tojson }}": 'xX"x"',
    "{% for one in name %}{{ one }}{% endfor %}": "xxxxxx",
    "{{ none }} {{ number }} {{ truth }}": "None 7 True",
}


@pytest.mark.parametrize(("text", "wanted"), PLACES.items())
def test_what_is_the_templates_own_stays(text: str, wanted: str) -> None:
    variables = {"name": "$(a)'b", "cell": CELL, "holder": Holder("$"), "number": 7, "truth": True}
    assert render(text, **{name: inert(value) for name, value in variables.items()}) == wanted


def test_an_undefined_attribute_stays_one() -> None:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=True)
    with pytest.raises(jinja2.UndefinedError):
        environment.from_string("{{ cell.nope }}").render(cell=inert(CELL))


def test_inert_values_give_their_originals() -> None:
    value = {"a": ["b", (CELL, "c")]}
    assert plain(inert(value)) == value
    assert inert(inert("a")) == "a"
