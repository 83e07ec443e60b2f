"""Templates: undefined variables are refused, values are never code, mistakes have a place."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import ConfigError
from factory.matrix import grammar
from factory.matrix.grammar import allowed
from factory.render import Renderer


def render(text: str, /, **variables: object) -> str:
    return Renderer({"a.j2": text}).render("a.j2", variables)


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("one\ntwo\n{{ nope }}", "a.j2:3", "'nope' is undefined"),
        ("{{ name.nope }}", "a.j2:1", "has no attribute 'nope'"),
        ("\n{% for x in nope %}{% endfor %}", "a.j2:2", "'nope' is undefined"),
        ("\n{% if nope %}{% endif %}", "a.j2:2", "'nope' is undefined"),
        ("\n\n{% if %}", "a.j2:3", "template syntax"),
        ("{{ name | nope }}", "a.j2:1", "No filter named 'nope'"),
        ("\n{{ name + 1 }}", "a.j2:2", "TypeError"),
        ("\n{{ 1 // 0 }}", "a.j2:2", "ZeroDivisionError"),
        ("\n{% include 'b.j2' %}", "a.j2:2", "there is no template b.j2"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, where: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        render(text, name="x")
    assert raised.value.where == f"dockerfiles/{where}"
    assert said in raised.value.what
    assert raised.value.todo


def test_a_template_that_includes_itself_is_told() -> None:
    gc.collect()
    gc.disable()  # what other tests left must not be collected where no stack is left for it
    try:
        with pytest.raises(ConfigError, match="RecursionError") as raised:
            render("{% include 'a.j2' %}")
    finally:
        gc.enable()
    assert raised.value.where == "dockerfiles/a.j2:1"


def test_the_place_of_a_mistake_in_a_macro_is_the_macros() -> None:
    templates = {
        "a.j2": '{% import "m.j2" as m %}\n{{ m.f() }}',
        "m.j2": "\n{% macro f() %}\n{{ nope }}\n{% endmacro %}",
    }
    with pytest.raises(ConfigError) as raised:
        Renderer(templates).render("a.j2", {})
    assert raised.value.where == "dockerfiles/m.j2:3"


def test_a_template_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigError, match=r"there is no template b\.j2"):
        Renderer({"a.j2": ""}).render("b.j2", {})


@given(st.text().map(lambda text: text + "{{ 1 + 1 }}{% if %}{#"))
def test_a_value_is_never_rendered_as_a_template(value: str) -> None:
    assert render("[{{ name }}]", name=value) == f"[{value}]"


@pytest.mark.parametrize("value", ["{{ 7*7 }}", "{% include 'a.j2' %}", "{# gone #}"])
@pytest.mark.parametrize(
    "text",
    [
        "{{ name }}",
        "{{ name ~ '' }}",
        "{% set n = name %}{{ n }}",
        "{% macro f(x) %}{{ x }}{% endmacro %}{{ f(name) }}",
        "{{ [name] | join }}",
    ],
)
def test_a_value_with_tags_comes_out_literally(text: str, value: str) -> None:
    """It could not even get here: no kind of the allow-list has braces."""
    assert render(text, name=value) == value
    assert not any(allowed(kind, value) for kind in grammar._PATTERNS)


def test_lines_with_only_a_tag_leave_no_trace() -> None:
    text = "a\n{% if name %}\n  {% set y = 1 %}\nb\n{% endif %}\nc\n"
    assert render(text, name="x") == "a\nb\nc\n"


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ '{0.__class__}'.format(name) }}",
        "{{ name.items.append(1) }}",
        "{% for a in range(10 ** 9) %}{% endfor %}",
    ],
)
def test_a_template_reaches_nothing_but_what_it_is_given(text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        render(text, name="x")
    assert raised.value.where == "dockerfiles/a.j2:1"
