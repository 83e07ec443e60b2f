"""The content key: equal inputs give one key, any changed input another, and nothing else does."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from factory.plan.keys import key_of
from tests.conftest import IMAGE, MATRIX
from tests.unit.plan.projects import FILES, TEMPLATES, chain, keys, plan_of, project_of

PAIRS = st.lists(st.tuples(st.text(), st.text()), max_size=4)
BEFORE = keys(plan_of(project_of()))
ALL = {"base", "runtime", "app"}
WHEEL = "wheels/ray-2.60.0-cp311-cp311-manylinux2014_x86_64.whl"


@given(PAIRS, PAIRS)
def test_only_equal_inputs_share_a_key(
    one: list[tuple[str, str]], other: list[tuple[str, str]]
) -> None:
    assert (key_of(one) == key_of(other)) == (one == other)


def test_names_and_values_do_not_run_into_each_other() -> None:
    assert key_of([("a", "bc")]) != key_of([("ab", "c")])
    assert key_of([("a", "b"), ("c", "d")]) != key_of([("a", 'b"],["c","d')])


def test_planning_twice_gives_equal_plans() -> None:
    assert plan_of(project_of()) == plan_of(project_of())


def changed(after: dict[str, str]) -> set[str]:
    return {kind for kind in ALL if after[kind] != BEFORE[kind]}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('epoch: "2026-11"', 'epoch: "2026-12"', ALL),
        ('epoch: "2026-11"', 'epoch: "2026-11"\n  packages: {extras: [default, serve]}', ALL),
        ("latest:", "runtime: {apt: [procps]}\nlatest:", {"runtime", "app"}),
        ("latest:", "verify: {workers: 3}\nlatest:", set()),
        ("latest:", "policy: {scan: {vulnerabilities: [high]}}\nlatest:", set()),
        ("{kind: local}", "{kind: local, accept: [substituted base]}", set()),
        ('latest: {ray: "2.60.0"}', "", set()),
        ('"2.60.0", "2.55.1"', '"2.60.0", "2.55.1", "2.59.0"', set()),
        ('["3.11"]', '["3.11"]  # a comment', set()),
    ],
)
def test_a_change_of_the_matrix_changes_just_the_steps_it_reaches(
    old: str, new: str, expected: set[str]
) -> None:
    assert MATRIX.count(old) == 1
    assert changed(keys(plan_of(project_of(MATRIX.replace(old, new))))) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("Adds numbers", "Adds more numbers", {"app"}),
        ("checks: checks.py\n", "checks: checks.py\napt: [git]\n", {"app"}),
        ("checks: checks.py\n", "checks: checks.py\nenv: {A: '1'}\n", {"app"}),
        ("checks: checks.py\n", "", set()),
        ("requirements: requirements.txt\n", "", {"app"}),
        (
            "checks: checks.py\n",
            "overrides: [{when: {ray: '2.60.0'}, env: {A: '1'}}]\n",
            {"app"},
        ),
        ("checks: checks.py\n", "overrides: [{when: {ray: '2.55.1'}, env: {A: '1'}}]\n", set()),
    ],
)
def test_so_does_a_change_of_the_image(old: str, new: str, expected: set[str]) -> None:
    assert IMAGE.count(old) == 1
    project = project_of(images={"demo": IMAGE.replace(old, new)})
    assert changed(keys(plan_of(project))) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("images/demo/app", {"app"}),
        ("images/demo/requirements.txt", {"app"}),
        ("images/demo/checks.py", set()),
    ],
)
def test_so_does_a_change_of_a_file(path: str, expected: set[str]) -> None:
    digests = FILES | {path: "f" * 64}
    assert changed(keys(plan_of(project_of(digests=digests)))) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("base.Dockerfile.j2", ALL),
        ("runtime.Dockerfile.j2", {"runtime", "app"}),
        ("app.Dockerfile.j2", {"app"}),
    ],
)
def test_so_does_a_change_of_a_template(template: str, expected: set[str]) -> None:
    templates = TEMPLATES | {template: TEMPLATES[template] + "LABEL more=yes\n"}
    assert changed(keys(plan_of(project_of(templates=templates)))) == expected


@pytest.mark.parametrize("comment", ["# more\n", "\n\n", "   # indented\n"])
def test_a_comment_in_a_template_is_no_input(comment: str) -> None:
    templates = {name: comment + text for name, text in TEMPLATES.items() if name != "macros.j2"}
    templates["macros.j2"] = TEMPLATES["macros.j2"]
    assert changed(keys(plan_of(project_of(templates=templates)))) == set()


def test_a_macro_reaches_every_step_that_uses_it() -> None:
    text = TEMPLATES["macros.j2"].replace("apt-get update", "apt-get --quiet update")
    after = keys(plan_of(project_of(templates=TEMPLATES | {"macros.j2": text})))
    assert changed(after) == ALL, "what is on a step's parent is in its key"


def test_the_content_of_a_wheel_is_in_the_key() -> None:
    matrix = MATRIX.replace('"2026-11"', f'"2026-11"\n  packages: {{wheel: {WHEEL}}}')
    matrix = matrix.replace(', "2.55.1"', "")
    one = keys(plan_of(project_of(matrix, digests=FILES | {WHEEL: "a" * 64})))
    other = keys(plan_of(project_of(matrix, digests=FILES | {WHEEL: "b" * 64})))
    assert changed(one) == changed(other) == ALL
    assert all(one[kind] != other[kind] for kind in ALL)


def test_a_change_of_the_parent_alone_changes_the_children() -> None:
    other = chain(plan_of(project_of(MATRIX.replace("2026-11", "2026-12"))))
    ours = chain(plan_of(project_of()))
    assert other["runtime"].parent == other["base"].key != ours["base"].key
    assert dict(other["app"].inputs)["parent"] == other["runtime"].key


@given(st.data())
def test_the_order_of_keys_in_the_files_is_no_input(data: st.DataObject) -> None:
    def shuffled(text: str) -> str:
        document = yaml.safe_load(text)
        order = data.draw(st.permutations(list(document)))
        return yaml.safe_dump({key: document[key] for key in order}, sort_keys=False)

    project = project_of(shuffled(MATRIX), images={"demo": shuffled(IMAGE)})
    assert keys(plan_of(project)) == BEFORE


def test_images_of_equal_content_differ_only_in_their_own_step() -> None:
    images = {"demo": IMAGE, "other": IMAGE}
    files = FILES | {path.replace("demo", "other"): digest for path, digest in FILES.items()}
    plan = plan_of(project_of(images=images, digests=files))
    one, other = keys(plan, 0), keys(plan, 2)
    assert one == BEFORE
    assert {kind for kind in ALL if one[kind] != other[kind]} == {"app"}
