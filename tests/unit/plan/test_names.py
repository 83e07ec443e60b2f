"""What builds are called at targets: templates, short forms, and clashes that are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import ConfigError
from factory.model import Build, Cell, Names, Naming, Pattern, Plan, PlannedBuild, Target
from factory.model.naming import expand, forms_of, patterns_that_fit, placeholders, values_of
from tests.conftest import IMAGE, MATRIX
from tests.unit.plan.projects import FILES, plan_of, project_of

LATEST = Cell(python="3.11", ray="2.60.0", device="cpu")
GPU = Cell(python="3.11", ray="2.60.0", device="gpu")
OLD = Cell(python="3.13", ray="2.55.1", device="cpu")
TWO = {"demo": IMAGE, "other": IMAGE}
ALL = ("omit-python", "omit-device", "latest-ray", "latest")


def planned(targets: str, images: dict[str, str] | None = None, matrix: str = MATRIX) -> Plan:
    files = FILES | {path.replace("demo", "other"): digest for path, digest in FILES.items()}
    text = matrix.replace("  local: {kind: local}\n", targets)
    return plan_of(project_of(text, images, files))


def names(targets: str, images: dict[str, str] | None = None) -> dict[str, tuple[str, ...]]:
    """Full names of all builds at all targets, the immutable one first."""
    text = MATRIX.replace("  local: {kind: local}\n", targets)
    plan = planned(targets, images)
    found = {}
    for target in project_of(text, images).matrix.targets:
        for one in plan.builds:
            called = target.names(one)
            found[f"{target.name} {one.build.id}"] = (
                called.repository,
                called.immutable.replace(one.key[:12], "KEY"),
                *called.floating,
            )
    return found


def test_without_a_word_names_are_the_cell_its_key_and_latest() -> None:
    assert names("  local: {kind: local}\n") == {
        "local demo:2.60.0-py311-cpu": (
            "127.0.0.1:5000/demo", "2.60.0-py311-cpu-KEY", "2.60.0-py311-cpu", "latest",
        ),
        "local demo:2.55.1-py311-cpu": (
            "127.0.0.1:5000/demo", "2.55.1-py311-cpu-KEY", "2.55.1-py311-cpu",
        ),
    }  # fmt: skip


def test_each_kind_of_target_has_its_address() -> None:
    found = names(
        "  team: {kind: registry, address: 'registry.example:5000/team'}\n"
        "  hub: {kind: hub, namespace: acme}\n"
        "  ecr: {kind: ecr, account: '123456789012', region: eu-central-1, prefix: ray}\n"
        "  bare: {kind: ecr, account: '123456789012', region: cn-north-1}\n"
    )
    assert {name.split()[0]: called[0] for name, called in found.items()} == {
        "team": "registry.example:5000/team/demo",
        "hub": "docker.io/acme/demo",
        "ecr": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/ray/demo",
        "bare": "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/demo",
    }


def test_templates_name_the_parts_of_a_build() -> None:
    found = names(
        "  local: {kind: local, repository: 'ray/{device}/{image}', tag: 'b-{key}-{py}',\n"
        "          floating: ['{image}-{cell}', 'on-{ray}-{python}'], aliases: [omit-device]}\n"
    )
    assert found["local demo:2.60.0-py311-cpu"] == (
        "127.0.0.1:5000/ray/cpu/demo",
        "b-KEY-py311",
        "demo-2.60.0-py311-cpu",
        "demo-2.60.0-py311",
        "on-2.60.0-3.11",
    )


def test_a_value_with_braces_is_not_read_as_a_template() -> None:
    assert expand("{image}", {"image": "{key}", "key": "no"}) == "{key}"


def test_an_axis_of_the_users_hides_no_placeholder_of_ours() -> None:
    cell = Cell(python="3.11", ray="2.60.0", device="cpu", extra=(("image", "x"), ("mark", "y")))
    values = values_of(Build(image="demo", cell=cell))
    assert (values["image"], values["mark"]) == ("demo", "y")


@pytest.mark.parametrize(
    ("rules", "cell", "forms"),
    [
        ((), LATEST, ["2.60.0-py311-cpu"]),
        (("latest",), LATEST, ["2.60.0-py311-cpu", "latest"]),
        (("latest",), GPU, ["2.60.0-py311-gpu"]),
        (("omit-python",), GPU, ["2.60.0-py311-gpu", "2.60.0-gpu"]),
        (("omit-python",), OLD, ["2.55.1-py313-cpu"]),
        (("omit-device",), OLD, ["2.55.1-py313-cpu", "2.55.1-py313"]),
        (("omit-device",), GPU, ["2.60.0-py311-gpu"]),
        (("latest-ray", "omit-python"), GPU, [
            "2.60.0-py311-gpu", "2.60.0-gpu", "latest-py311-gpu", "latest-gpu",
        ]),
        (ALL, LATEST, [
            "2.60.0-py311-cpu", "2.60.0-py311", "2.60.0-cpu", "2.60.0",
            "latest-py311-cpu", "latest-py311", "latest-cpu", "latest",
        ]),
    ],
)  # fmt: skip
def test_short_forms_leave_out_what_is_the_same_in_the_latest_cell(
    rules: tuple[str, ...], cell: Cell, forms: list[str]
) -> None:
    assert list(forms_of(cell, LATEST, rules)) == forms


def test_suffixes_stay_in_short_forms() -> None:
    cell = Cell(python="3.11", ray="2.60.0", device="cpu", rllib=True, extra=(("mark", "v1"),))
    assert "2.60.0-rllib-v1" in forms_of(cell, LATEST, ALL)
    assert "latest" not in forms_of(cell, LATEST, ALL)


def test_without_a_latest_cell_there_are_no_short_forms() -> None:
    assert forms_of(LATEST, None, ALL) == ("2.60.0-py311-cpu",)


def test_all_short_forms_of_a_whole_matrix_are_distinct() -> None:
    cells = [
        Cell(python=python, ray=ray, device=device, rllib=rllib)
        for python in ("3.11", "3.12", "3.13")
        for ray in ("2.60.0", "2.55.1")
        for device in ("cpu", "gpu")
        for rllib in (False, True)
    ]
    forms = [form for cell in cells for form in forms_of(cell, cells[0], ALL)]
    assert len(forms) == len(set(forms))


# ------------------------------------------------------------------- clashes


def refused(targets: str, images: dict[str, str] | None = None, matrix: str = MATRIX) -> str:
    with pytest.raises(ConfigError) as raised:
        planned(targets, images, matrix)
    return str(raised.value)


def test_two_builds_with_one_floating_tag_are_refused_with_both_and_the_place() -> None:
    said = refused("  local:\n    kind: local\n    floating: ['{device}']\n")
    assert said.startswith(
        "matrix.yaml:14:5: demo:2.60.0-py311-cpu and demo:2.55.1-py311-cpu would both be tagged "
        "127.0.0.1:5000/demo:cpu at `local`"
    )


def test_an_alias_that_is_another_builds_tag_is_refused() -> None:
    matrix = MATRIX.replace('["3.11"]', '["3.11", "3.13"]').replace(
        'latest: {ray: "2.60.0"}', 'latest: {ray: "2.60.0", python: "3.11"}'
    )
    written = "  local: {kind: local, aliases: [omit-python], floating: ['{cell}'%s]}\n"
    assert planned(written % "", None, matrix).builds
    said = refused(written % ", '{ray}-{device}'", None, matrix)
    assert "2.60.0-py311-cpu and demo:2.60.0-py313-cpu would both be tagged" in said
    assert "or drop an alias" in said


def test_a_clash_of_builds_that_are_not_selected_is_refused_too() -> None:
    text = MATRIX.replace("{kind: local}", "{kind: local, floating: ['{device}']}")
    project = project_of(text)
    with pytest.raises(ConfigError, match="would both be tagged"):
        plan_of(project, builds=project.builds[:1])


def test_a_floating_tag_that_could_be_an_immutable_one_is_refused() -> None:
    said = refused(
        "  local: {kind: local, floating: ['{cell}', '{cell}-0123456789ab'], aliases: []}\n"
    )
    assert "could be an immutable one of demo:2.60.0-py311-cpu" in said


def test_images_in_one_repository_are_refused_unless_each_tag_tells_them() -> None:
    said = refused("  local: {kind: local, repository: all}\n", TWO)
    assert "demo:2.60.0-py311-cpu and other:2.60.0-py311-cpu would both be in" in said
    told = names(
        "  local: {kind: local, repository: all, tag: '{image}-{cell}-{key}',\n"
        "          floating: ['{image}-{cell}']}\n",
        TWO,
    )
    assert told["local other:2.60.0-py311-cpu"][2:] == (
        "other-2.60.0-py311-cpu",
        "other-latest",
    )


def test_two_targets_in_one_repository_are_refused() -> None:
    said = refused(
        "  one: {kind: registry, address: 'a.example/b'}\n"
        "  two: {kind: registry, address: a.example, repository: 'b/{image}'}\n"
    )
    assert "at `one` and demo:2.60.0-py311-cpu at `two` would have one tag in a.example/b" in said


def test_a_tag_that_is_too_long_is_refused() -> None:
    template = "x" * 100 + "-{cell}-{key}"
    said = refused(f"  local: {{kind: local, tag: '{template}'}}\n")
    assert "has 130 characters" in said
    assert said.startswith("matrix.yaml:12:24: ")


@given(st.text("0123456789abcdef-x", max_size=40), st.text("-ab1x", max_size=4))
def test_a_pattern_fits_exactly_the_tags_that_a_key_makes(before: str, after: str) -> None:
    pattern = Pattern(before=before, after=after)
    tag = f"{before}{'0123456789ab'}{after}"
    assert pattern in patterns_that_fit(tag)
    assert pattern.starts_with(tag[: len(before) + 5])
    assert pattern.ends_with(tag[-len(after) - 5 :])
    assert not pattern.starts_with(f"{before}z")
    assert not pattern.ends_with(f"z{after}")


def test_a_pattern_is_what_the_template_makes_of_any_key() -> None:
    build = Build(image="demo", cell=LATEST)
    naming = Naming(tag="{image}-{key}-{cell}")
    pattern = naming.pattern_of(build)
    tag = naming.immutable_of(build, "0123456789abcdef")
    assert tag == f"{pattern.before}0123456789ab{pattern.after}" == "demo-0123456789ab-" + LATEST.id


@pytest.mark.parametrize("template", ["{cell", "cell}", "{a{b}}", "{}}"])
def test_a_brace_without_its_other_half_is_no_template(template: str) -> None:
    with pytest.raises(ValueError, match="brace"):
        placeholders(template)


def test_one_tag_by_key_alone_is_refused_only_where_keys_are_equal() -> None:
    one = planned("  local: {kind: local, tag: '{key}'}\n")
    assert len({build.key for build in one.builds}) == 2


def test_a_target_without_templates_goes_by_the_plan() -> None:
    build = Build(image="demo", cell=LATEST)
    one = PlannedBuild(build=build, steps=("k",), immutable="i", floating=("f",))
    found = Target(name="local", registry="127.0.0.1:5000").names(one)
    assert found == Names(repository="127.0.0.1:5000/demo", immutable="i", floating=("f",))


def test_a_target_to_promote_to_is_left_out_of_releases() -> None:
    targets = "  local: {kind: local}\n  prod: {kind: hub, namespace: acme, promote_only: true}\n"
    matrix = project_of(MATRIX.replace("  local: {kind: local}\n", targets)).matrix
    assert [target.name for target in matrix.release_targets] == ["local"]
    assert [target.name for target in matrix.targets] == ["local", "prod"]
