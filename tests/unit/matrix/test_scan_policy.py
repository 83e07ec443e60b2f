"""What the scan gate refuses, as users write it: for everybody, and at one target."""

from __future__ import annotations

import pytest

from factory.errors import ConfigError
from factory.matrix import parse_matrix
from factory.model import Build, Exemption, Matrix, ScanPolicy, SizeBudget

MATRIX = """\
axes: {{python: ["3.11"], ray: ["2.60.0"], device: [cpu, gpu]}}
base: {{epoch: "1"}}
devices: {{gpu: {{cuda: cuda130}}}}
targets: {{local: {{kind: local{target}}}}}
policy: {{scan: {scan}}}
"""


def matrix(scan: str, target: str = "") -> Matrix:
    text = MATRIX.format(scan=scan, target=f", scan: {target}" if target else "")
    return parse_matrix(text, registry="127.0.0.1:5000")[0]


def refused(scan: str, target: str = "") -> ConfigError:
    with pytest.raises(ConfigError) as raised:
        matrix(scan, target)
    return raised.value


def test_all_of_it() -> None:
    found = matrix(
        "{vulnerabilities: [high], inherited: [critical], misconfigurations: [low],"
        " ignore_unfixed: false, grace_days: {high: 30}, end_of_life: accept, database_days: 3,"
        ' exemptions: [{id: CVE-1, reason: "why not", until: "2027-01-31", package: zlib1g,'
        " images: ['ray-*']}], sizes: [{mebibytes: 9, image: ray-app, where: {device: gpu}}]}"
    ).scan
    assert found == ScanPolicy(
        vulnerabilities=frozenset({"HIGH"}),
        inherited=frozenset({"CRITICAL"}),
        misconfigurations=frozenset({"LOW"}),
        ignore_unfixed=False,
        grace_days={"HIGH": 30},
        end_of_life=False,
        database_max_age_days=3,
        exemptions=(
            Exemption(
                id="CVE-1",
                reason="why not",
                until="2027-01-31",
                package="zlib1g",
                images=("ray-*",),
            ),
        ),
        sizes=(SizeBudget(mebibytes=9, image="ray-app", where=(("device", ("gpu",)),)),),
    )


def test_a_target_differs_in_what_it_names_and_in_nothing_else() -> None:
    found = matrix("{ignore_unfixed: false}", "{vulnerabilities: [low]}")
    build = Build(image="ray-app", cell=found.cells[0])
    assert found.scan_policy(build) == ScanPolicy(ignore_unfixed=False)
    (target,) = found.targets
    assert found.scan_policy(build, target) == ScanPolicy(
        vulnerabilities=frozenset({"LOW"}), ignore_unfixed=False
    )


def test_a_target_without_a_policy_has_everybodys() -> None:
    found = matrix("{ignore_unfixed: false}")
    build = Build(image="ray-app", cell=found.cells[0])
    assert found.scan_policy(build, found.targets[0]) == found.scan_policy(build)


@pytest.mark.parametrize(
    ("exemption", "what"),
    [
        ('{reason: r, until: "2027-01-31"}', "id"),
        ('{id: CVE-1, until: "2027-01-31"}', "reason"),
        ("{id: CVE-1, reason: r}", "until"),
        ('{id: CVE-1, reason: r, until: "2027-02-30"}', "2027-02-30 is no day"),
        ('{id: CVE-1, reason: r, until: "soon"}', "soon"),
        ("{id: CVE-1, reason: r, until: 2027-01-31}", 'write "2027-01-31"'),
        ('{id: CVE-1, reason: r, until: "2027-01-31", images: []}', "images"),
        ('{id: "$(x)", reason: r, until: "2027-01-31"}', "$(x)"),
    ],
)
def test_an_exemption_needs_an_id_a_reason_and_a_day(exemption: str, what: str) -> None:
    error = refused(f"{{exemptions: [{exemption}]}}")
    assert what in str(error)
    assert "matrix.yaml:5:" in str(error)


def test_a_wrong_day_of_a_target_is_found_there() -> None:
    wrong = '{exemptions: [{id: CVE-1, reason: r, until: "2027-02-30"}]}'
    assert "matrix.yaml:4:" in str(refused("{}", wrong))


@pytest.mark.parametrize(
    ("sizes", "what"),
    [
        ("[{mebibytes: 0}]", "mebibytes"),
        ("[{mebibytes: 9, where: {devise: gpu}}]", "unknown axis 'devise'"),
        ("[{mebibytes: 9, where: {device: tpu}}]", "no value 'tpu'"),
    ],
)
def test_a_budget_is_for_cells_that_can_be(sizes: str, what: str) -> None:
    assert what in str(refused(f"{{sizes: {sizes}}}"))


def test_of_several_budgets_the_last_that_covers_a_build_holds() -> None:
    found = matrix("{sizes: [{mebibytes: 1}, {mebibytes: 2, where: {device: gpu}}]}")
    budgets = {
        cell.device: found.scan_policy(Build(image="a", cell=cell)).sizes[0].mebibytes
        for cell in found.cells
    }
    assert budgets == {"cpu": 1, "gpu": 2}
