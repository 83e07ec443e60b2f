"""Values fill in what a template leaves open, and never change what it does.

The allow-list admits little of what is tried here: this is what holds if it did.
"""

from __future__ import annotations

import json
import shlex

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from factory.dockerfile import parse
from factory.errors import ConfigError
from factory.matrix import grammar
from factory.model import Image
from factory.plan.structure import Rendered, Structure
from factory.render import Renderer
from tests.conftest import IMAGE
from tests.unit.plan.projects import TEMPLATES, chain, partial_plan_of, plan_of, project_of

APP = "app.Dockerfile.j2"
FILES = ("app", "requirements.txt", "checks.py")


def check(text: str, /, **variables: object) -> None:
    """What planning does with a template."""
    renderer = Renderer({"a.j2": text, "own.j2": "# {{ d }}\n"})
    rendered = renderer.render("a.j2", variables)
    instructions = parse(rendered, where="dockerfiles/a.j2")
    Structure(render=renderer.render).check(
        Rendered(template="a.j2", variables=variables, text=rendered, instructions=instructions)
    )


REFUSED = [
    # What a shell splits or expands.
    (2, "FROM a\nRUN echo {{ d }}", "two words"),
    (2, "FROM a\nRUN echo {{ d }}", "a;b"),
    (2, "FROM a\nRUN echo {{ d }}", "a\u2003\x1f; b"),
    (2, "FROM a\nRUN echo {{ d }}", "a>b"),
    (2, "FROM a\nRUN echo {{ d }}", "`id`"),
    (2, "FROM a\nRUN echo {{ d }}", "$(id)"),
    (2, "FROM a\nRUN echo {{ d }}", "[ab]"),
    (2, "FROM a\nRUN echo {{ d }}", "{a,b}"),
    (2, "FROM a\nRUN echo {{ d }}", "!"),
    (2, "FROM a\nRUN echo {{ d }}", "#"),
    (2, "FROM a\nRUN echo {{ d }}", "~"),
    (2, "FROM a\nRUN echo {{ d }}", "-y"),
    (2, 'FROM a\nRUN echo "{{ d }}"', "-y"),
    (2, "FROM a\nRUN echo '{{ d }}'", "-y"),
    (2, "FROM a\nRUN echo {{ d }}> f", "2"),
    (2, "FROM a\nRUN ls; {{ d }} x", "A=b"),
    (2, "FROM a\nRUN B=1 {{ d }} x", "A=b"),
    (2, "FROM a\nRUN ls; {{ d }} x", "if"),
    # Ends of strings.
    (2, 'FROM a\nRUN echo "{{ d }}"', 'a"b'),
    (2, 'FROM a\nRUN echo "{{ d }}"', "$(id)"),
    (2, 'FROM a\nRUN echo "{{ d }}"', "$HOME"),
    (2, 'FROM a\nRUN echo "{{ d }}" && ls', "a\\"),
    (2, "FROM a\nRUN echo '{{ d }}'", "it's"),
    (2, "FROM a\nRUN echo $'\\'' {{ d }} 'b'", "a b"),
    (2, "FROM a\nRUN echo 'it {{ d }}", "a b"),
    # In what is itself run by what is run.
    (2, "FROM a\nRUN sh -c \"echo '{{ d }}'\"", "'; id; '"),
    (2, "FROM a\nRUN su ray \"echo '{{ d }}'\"", "'; id; '"),
    (2, 'FROM a\nRUN sh -ec "echo {{ d }}"', "a; id"),
    (2, "FROM a\nRUN python -c 'print(\"{{ d }}\")'", '"); exit("'),
    (2, 'FROM a\nRUN ["sh", "-c", "echo {{ d }}"]', "a; id"),
    (2, "FROM a\nRUN echo $(find {{ d }})", "a -delete"),
    (2, 'FROM a\nRUN echo "$(find "a" {{ d }} "b")"', "a -delete"),
    (2, "FROM a\nRUN echo `find {{ d }}`", "a -delete"),
    (2, 'FROM a\nRUN echo "${A:-{{ d }}}"', "b}c"),
    (2, "FROM a\nRUN echo ${A:-{{ d }}}", "b c"),
    # Lines, and what is not on them any more.
    (3, "FROM a\nRUN echo {{ d }}", "a\nRUN b"),
    (2, "FROM a\nRUN echo {{ d }}\nRUN b", "a\\"),
    (2, 'FROM a\nRUN echo "{{ d }}"', "a\\\n"),
    (4, "FROM a\n# {{ d }}\nUSER 1", "a\nUSER 0"),
    (3, "FROM a\n# {{ d }}\nRUN curl a", "factory ignore=download"),
    # Keywords, directives, flags.
    (2, "FROM a\n{{ d }} ls", "RUN"),
    (2, "FROM a\nONBUILD {{ d }} ls", "RUN"),
    (1, "FROM a {{ d }} b", "AS"),
    (2, "FROM a\nHEALTHCHECK {{ d }}", "NONE"),
    (1, "# syntax={{ d }}\nFROM a", "docker/dockerfile"),
    (1, "# syntax=docker/dockerfile:{{ d }}\nFROM a", "2"),
    (1, "# {{ d }}\nFROM a", "syntax=docker/dockerfile"),
    (2, "# {{ d }}\nFROM a", "escape=`"),
    (1, "# escape={{ d }}\nFROM a", "`"),
    (2, "FROM a\nCOPY {{ d }} /x", "--from=b"),
    (2, "FROM a\nRUN --{{ d }} ls", "security=insecure"),
    (2, "FROM a\nRUN --mount=type=bind,source={{ d }},target=/x ls", "a,target=/etc"),
    (2, "FROM a\nRUN --mount=type=bind,source={{ d }},target=/x ls", "$HOME"),
    (2, "FROM a\nRUN --mount=type={{ d }},id=a ls", "secret"),
    # Words of other instructions.
    (2, "FROM a\nCOPY {{ d }} /x", "a b"),
    (2, "FROM a\nCOPY {{ d }} /x", "*"),
    (2, 'FROM a\nCOPY ["{{ d }}", "/x"]', 'a", "b'),
    (2, "FROM a\nENV A={{ d }}", "a B=c"),
    (2, "FROM a\nENV A={{ d }}", "$PATH"),
    (2, 'FROM a\nENV A="{{ d }}"', "${PATH}"),
    (2, "FROM a\nENV {{ d }}=b", "A=c"),
    (2, 'FROM a\nENV {{ d }}="b"', "A=c"),
    (2, "FROM a\nARG A={{ d }}", "a B"),
    (2, 'FROM a\nLABEL a="{{ d }}"', 'a" b="c'),
    (2, "FROM a\nLABEL a='{{ d }}'", "it's"),
    (2, "FROM a\nEXPOSE {{ d }}", "1 2"),
    (2, "FROM a\nUSER {{ d }}", "a b"),
    (2, "FROM a\nWORKDIR {{ d }}", "/$A"),
    (2, "FROM a\nCMD {{ d }}", '["a"]'),
    (2, 'FROM a\nSHELL ["{{ d }}"]', 'a", "b'),
    (2, "FROM a\nONBUILD RUN echo {{ d }}", "a b"),
    # Heredocs.
    (2, "FROM a\nRUN <<{{ d }}\nls\n{{ d }}\n", "END"),
    (2, "FROM a\nRUN <<END\necho {{ d }}\nEND\n", "a b"),
    (2, "FROM a\nRUN <<END\necho '{{ d }}'\nEND\n", "a\nb"),
    (2, "FROM a\nRUN <<END\ncat <<X\nIt's {{ d }}\nX\nEND\n", "$(id)"),
    (2, "FROM a\nCOPY <<END /x\n{{ d }}\nEND\n", "a\nb"),
    (2, "FROM a\nCOPY <<'END' /x\n{{ d }}\nEND\n", "a\nb"),
    (2, "FROM a\nCOPY <<END /x\n{{ d }}\nEND\n", "$HOME"),
    (3, "FROM a\nCOPY <<END /x\n{{ d }}\nEND\n", "a\nEND\nRUN cat <<END"),
]


@pytest.mark.parametrize(("line", "text", "value"), REFUSED)
def test_a_value_that_changes_the_structure_is_refused(line: int, text: str, value: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check(text, d=value)
    assert raised.value.todo
    if not value.count("END\n"):  # then it is the line that BuildKit would fail at
        assert raised.value.where == f"dockerfiles/a.j2 (line {line} of what it renders)"


NO_PLACE = (
    "# syntax",
    "# escape",
    "type={{",
    "--{{",
    "<<{{",
    "{{ d }} ls",
    "a {{ d }} b",
    "CHECK {{",
)
"""Where no value is taken, whatever it is."""


@pytest.mark.parametrize(
    "text",
    sorted({text for _, text, _ in REFUSED if not any(part in text for part in NO_PLACE)}),
)
def test_what_is_refused_is_the_value_and_not_the_template(text: str) -> None:
    check(text, d="plain")


ACCEPTED = [
    ('FROM a\nRUN echo "{{ d }}" "it"', "It's a (b); c & d #*%!?=<>"),
    ("FROM a\nRUN echo '{{ d }}'", "a (b); c & d #*%!?=<>"),
    ("FROM a\nRUN echo {{ d }} --to={{ d }} A={{ d }}", "a/b-c.d:1=2,@+%"),
    ('FROM a\nRUN echo "$(cat "{{ d }}")" "${A:-{{ d }}}"', "a b"),
    ('FROM a\nRUN A="{{ d }}" && export B="{{ d }}"', "~a b"),
    ('FROM a\nRUN <<END\n# it\'s {{ d }}\necho "{{ d }}"\nEND\n', "a b"),
    ("FROM a\nCOPY <<END /x\n{{ d }}\nEND\n", 'It\'s "a" <b>'),
    ('FROM a\nHEALTHCHECK --interval=5s CMD curl "{{ d }}"', "a b"),
    ('FROM a\nUSER "{{ d }}"\nWORKDIR "{{ d }}"', "a b"),
    ("FROM {{ d }} AS b", "a:b@sha256:00"),
    ('FROM a\nCOPY ["{{ d }}", "/x"]\nCMD ["{{ d }}"]', "a b"),
    ("FROM a\nCOPY --chown={{ d }} --from={{ d }} {{ d }} b", "a:b"),
    ("FROM a\nRUN --mount=type=bind,source={{ d }},readonly ls", "a/b=c"),
    ("FROM a\nLABEL a='{{ d }}' b=\"{{ d }}\"", "a = {b}"),
    ("# {{ d }}\nFROM a\n# {{ d }}\nUSER 1", "any text; really"),
    # Templates that compute.
    ("FROM a\n{% if d == '3.11' %}RUN a{% else %}RUN b; c{% endif %}", "3.11"),
    ("FROM a\n{% if d.split('.')[1] | int > 10 %}RUN a; b{% endif %}", "3.11"),
    ("FROM a\n{% if d | replace('.', '') | int >= 311 %}RUN a; b{% endif %}", "3.11"),
    ("FROM a\n{% for c in d %}RUN {{ c }}\n{% endfor %}", "abc"),
    ("FROM a\nRUN {{ d ~ ' && b' }} {{ '%s;%s' | format(d, d) }}", "3.11"),
    ("FROM a\nRUN {{ [d, 'a b'] | join('; ') }}", "3.11"),
    ("{% macro f(x) %}RUN a; {{ x }}{% endmacro %}FROM a\n{{ f(d) }}\n{{ f(d) | upper }}", "a1"),
    ("{% include 'own.j2' %}FROM a\n", "text"),
    ("FROM a\nRUN {{ {'3.11': 'a; b'}[d] }}", "3.11"),
]


@pytest.mark.parametrize(("text", "value"), ACCEPTED)
def test_a_value_in_its_place_is_accepted(text: str, value: str) -> None:
    check(text, d=value)


@example("0 ")
@given(st.text(min_size=1) | st.text(alphabet="a0 -~#=.:\"'$\\\n\t\r;", min_size=1, max_size=4))
def test_no_string_gets_out_of_where_it_is_put(value: str) -> None:
    """Whatever is accepted in an argument gives as many instructions and words as it should."""
    text = 'FROM a\nRUN echo {{ d }} "{{ d }}"\nENV A="{{ d }}"\nUSER 1\n'
    try:
        check(text, d=value)
    except ConfigError:
        return
    _, run, env, user = parse(Renderer({"a.j2": text}).render("a.j2", {"d": value}))
    word = value.strip(" \t\r")  # blanks at an end of a word are there anyway
    assert shlex.split(run.arguments) == ["echo", word, value]
    assert not set(word) & set("\"'\\$`;&|<>(){}*?[]! \n")
    assert (env.arguments, user.arguments) == (f'A="{value}"', "1")


def test_a_value_that_becomes_the_name_of_a_template_cannot_be_checked() -> None:
    with pytest.raises(ConfigError, match="the template computes with a value") as raised:
        check("FROM a\n{% include d ~ '.j2' %}", d="own")
    assert raised.value.where == "dockerfiles/a.j2:2"
    assert raised.value.todo == "compare values with others, and put them in as they are"


def test_the_value_and_its_file_are_told() -> None:
    image = Image(name="demo", folder="images/demo", description="Adds; numbers", source="app")
    variables = {"image": image, "apt": ("git", "g++")}
    renderer = Renderer({"a.j2": "FROM a\nRUN echo {{ image.name }} \\\n  {{ image.description }}"})
    text = renderer.render("a.j2", variables)
    with pytest.raises(ConfigError) as raised:
        Structure(render=renderer.render).check(
            Rendered(template="a.j2", variables=variables, text=text, instructions=parse(text)),
            "images/demo/image.yaml",
        )
    assert str(raised.value) == (
        "dockerfiles/a.j2 (line 2 of what it renders): image.description of images/demo/image.yaml "
        "('Adds; numbers') changes what this RUN does, and may only be part of what it says\n"
        "  → write it between double quotes in the template, or change the value; instructions, "
        "options and frontends are the template's own to name"
    )


def test_a_build_that_is_refused_stops_no_other() -> None:
    """And the check can fail: the one word that the other image describes itself by may stand
    where two may not."""
    images = {"demo": IMAGE, "other": "description: Subtracts\nsource: app\n"}
    templates = {**TEMPLATES, APP: TEMPLATES[APP] + "RUN echo {{ image.description }}\n"}
    digests = {f"images/{name}/{file}": "1" * 64 for name in images for file in FILES}
    plan = partial_plan_of(project_of(images=images, templates=templates, digests=digests))
    assert {build.image for build in plan.refused} == {"demo"}
    assert {one.build.image for one in plan.builds} == {"other"}
    (error, _) = plan.refused.values()
    assert "image.description of images/demo/image.yaml ('Adds numbers')" in str(error)
    assert f"dockerfiles/{APP} (line " in str(error)


def test_a_name_of_a_cell_is_checked_where_it_would_be_more_than_a_word() -> None:
    """Texts that differ in nothing but the names of cell and parent are checked once."""
    templates = {**TEMPLATES, APP: "# syntax={{ cell.id }}\n" + TEMPLATES[APP]}
    plan = partial_plan_of(project_of(templates=templates))
    assert len(plan.refused) == 2
    assert not plan.builds


def kind(name: str) -> st.SearchStrategy[str]:
    """All that the allow-list admits of a kind."""
    pattern, longest, _ = grammar._PATTERNS[name]
    alphabet = st.characters(min_codepoint=32, max_codepoint=126)
    found = st.from_regex(pattern, fullmatch=True, alphabet=alphabet)
    return found.filter(lambda text: len(text) <= longest)


@given(
    kind("text"),
    st.dictionaries(kind("variable name"), kind("variable value"), max_size=3),
    st.lists(kind("apt package"), max_size=3, unique=True),
    kind("path"),
)
def test_the_shipped_templates_take_all_that_the_allow_list_admits(
    description: str, env: dict[str, str], apt: list[str], script: str
) -> None:
    image = {"description": description, "source": "app", "env": env, "apt": apt}
    image["install"] = {"script": script, "apt": apt}
    digests = {f"images/demo/{file}": "1" * 64 for file in (*FILES, script)}
    plan = plan_of(project_of(images={"demo": json.dumps(image)}, digests=digests))
    assert f'"{description}"' in chain(plan)["app"].dockerfile


def test_a_description_with_every_character_of_the_allow_list() -> None:
    every = "".join(one for one in map(chr, range(32, 127)) if grammar.allowed("text", f"a{one}"))
    assert {"'", ";", "&", "#", "*", "!", "<"} <= set(every)
    plan = plan_of(project_of(images={"demo": json.dumps({"description": f"a{every}"})}))
    assert f'"a{every}"' in chain(plan)["app"].dockerfile
