"""Images that stand on other images of the project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock, create_autospec

import pytest

from factory import verify
from factory.ledger import Ledger
from factory.model import Built, Gate, Selection
from factory.pipeline import prepare
from factory.stock import Stock
from factory.verify import ClusterRequest
from factory.workshop import Workshop
from tests.integration.conftest import Checkout
from tests.integration.one_cell import inside, one_cell, ref_of, write_image

pytestmark = pytest.mark.engine

PARENT = {"app/shared.py": "WORDS = 'from the parent'\n", "app/main.py": "print('parent')\n"}
CHILD = {"app/own.py": "import shared\n", "app/main.py": "print('child')\n"}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Checkout]:
    with one_cell(tmp_path, rays=("2.60.0", "2.55.1")) as made:
        write_image(made, "below", "env: {LEVEL: parent, ONLY: parent}", PARENT)
        yield made


def builds(project: Checkout) -> set[str]:
    return set(project.json("matrix")["builds"])


def test_a_child_holds_its_parents_application_under_its_own(project: Checkout) -> None:
    write_image(project, "above", "parent: below\nsource: app\nenv: {LEVEL: child}", CHILD)
    write_image(project, "bare", "parent: below\nenv: {LEVEL: bare}", {})
    outcomes = project.outcomes("build", "--ray", "2.60.0")
    assert {one["state"] for one in outcomes.values()} <= {"done", "cached"}
    made = [one["subject"].split("@")[0] for one in outcomes.values() if one["verb"] == "build"]
    assert made.count("below") == 1, "one step for the image itself and for both that stand on it"
    script = "cd; python -c 'import own; print(own.shared.WORDS)'; python app/main.py; "
    said = inside(ref_of(project, "above"), script + "echo $LEVEL $ONLY")
    assert said.splitlines() == ["from the parent", "child", "child parent"]
    said = inside(ref_of(project, "bare"), "python ~/app/main.py; echo $LEVEL")
    assert said.splitlines() == ["parent", "bare"]


def test_what_changes_a_parent_changes_its_children(project: Checkout) -> None:
    write_image(project, "above", "parent: below", {})
    write_image(project, "beside", "", {"app/main.py": ""})
    before = {image: ref_of(project, image) for image in ("below", "above", "beside")}
    write_image(project, "below", "env: {LEVEL: parent, ONLY: parent}", PARENT | {"app/new.py": ""})
    changed = {image for image, ref in before.items() if ref_of(project, image) != ref}
    assert changed == {"below", "above"}


def test_a_child_is_made_where_its_parent_is(project: Checkout) -> None:
    write_image(project, "above", "parent: below", {})
    write_image(project, "narrow", "parent: below\nwhere: {ray: 2.55.1}", {})
    assert {f"above:{ray}-py311-cpu" for ray in ("2.60.0", "2.55.1")} < builds(project)
    assert "narrow:2.60.0-py311-cpu" not in builds(project)
    write_image(project, "below", "where: {ray: 2.60.0}", PARENT)
    write_image(project, "narrow", "parent: above\nwhere: {ray: 2.60.0}", {})
    assert builds(project) == {f"{name}:2.60.0-py311-cpu" for name in ("above", "below", "narrow")}


def test_a_child_is_asked_its_parents_checks_and_then_its_own(
    project: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image(project, "below", "checks: words.py", PARENT | {"words.py": ""})
    write_image(project, "above", "parent: below\nchecks: more.py", {"more.py": ""})
    prepared = prepare(project.settings, Selection(image="above", ray="2.60.0"))
    basis = Mock(return_value="basis")
    monkeypatch.setattr(verify, "basis", basis)
    workshop = Workshop(
        settings=project.settings,
        project=prepared.project,
        plan=prepared.plan,
        ledger=Mock(spec=Ledger, **{"verdict.return_value": None}),
        stock=Mock(spec=Stock),
        make_builder=lambda: pytest.fail("nothing is built"),
        run_id="",
        adopts=False,
        insists=False,
    )
    workshop.judges.verdict(Gate.VERIFY, prepared.plan.builds[0], create_autospec(Built))
    request: ClusterRequest = basis.call_args.args[0]
    checks = [path.relative_to(project.root / "images") for path in request.own_checks]
    assert checks == [Path("below/words.py"), Path("above/more.py")]
