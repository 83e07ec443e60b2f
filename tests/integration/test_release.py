"""The main job, through the command line, on a real engine, registry and Ray."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import trivy_database
from factory import process
from factory.registry import Registry
from factory.settings import APP
from tests.integration.conftest import TWO_CELLS, Checkout, add_image, make_checkout
from tests.integration.keys import private_key

pytestmark = pytest.mark.engine

ONE_CELL = ("--only", "2.60.0-py311-cpu")
RAY_START_DIES = """
import sys

if "start" in sys.orig_argv:
    sys.exit("this node refuses to start")
"""


def docker(*arguments: str) -> str:
    return process.run(["docker", *arguments]).stdout.strip()


@pytest.fixture(scope="module")
def released(shipped: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """The shipped project after ``invoke release`` of two cells. Its application is another one
    by a file: tests here remove its images, with which others may be at work."""
    made = make_checkout(tmp_path_factory.mktemp("released"))
    (made.root / "images" / "ray-app" / "app" / "mark").write_text(str(made.root))
    table = made.invoke("release", *TWO_CELLS).stdout
    assert "ray-app:2.60.0-py311-cpu" in table
    yield made
    refs = made.refs()
    for cell in TWO_CELLS[1::2]:
        process.run(["docker", "image", "rm", "--force", refs[f"ray-app:{cell}"]], check=False)
    made.close()


def test_every_build_is_published_and_its_pulled_image_starts(released: Checkout) -> None:
    builds = released.json("status")["builds"]
    assert len(builds) == 2
    for build in builds:
        [place] = build["published"]
        for tag in (place["immutable"], *place["floating"]):
            name = f"{place['repository']}:{tag}"
            docker("pull", "--quiet", name)
            version = docker("run", "--rm", name, "ray", "--version")
            assert build["id"].split(":")[1].split("-")[0] in version
            docker("image", "rm", name)


def test_a_published_image_is_pulled_and_judged_by_its_name(released: Checkout) -> None:
    name = f"{released.registry}/ray-app:2.55.1-py311-cpu"
    asked = ("verify", f"--ref={name}", "--suite=contract")
    assert f"docker pull {name}" in released.invoke(*asked, expect=5).stderr
    judged = released.json(*asked, "--pull")
    assert judged["facts"]["ray"] == "2.55.1"
    assert {one["status"] for one in judged["verdict"]["checks"]} == {"pass"}
    docker("image", "rm", name)


def test_latest_names_the_cell_that_the_matrix_says(released: Checkout) -> None:
    registry = Registry()
    repository = f"{released.registry}/ray-app"
    assert registry.head(repository, "latest") == registry.head(repository, "2.60.0-py311-cpu")
    assert registry.head(repository, "latest") != registry.head(repository, "2.55.1-py311-cpu")


def test_published_digest_is_the_one_that_was_judged(released: Checkout) -> None:
    from factory.publish.manifest import config_digest

    for build in released.json("status")["builds"]:
        [place] = build["published"]
        manifest = Registry().get(place["repository"], build["id"].split(":")[1])
        assert manifest is not None
        assert manifest.digest == place["digest"]
        assert config_digest(manifest, "here") == build["config_digest"]
        assert set(build["verdicts"]) == {"scan", "verify"}


def test_what_was_released_carries_its_evidence(released: Checkout) -> None:
    reference = f"{released.registry}/ray-app:latest"
    found = released.json("audit", reference, "--policy=local")
    assert (found["refusals"], found["missing"]) == ([], [])
    [build] = [one["build"] for one in found["evidence"] if one["build"]]
    assert build["id"] == "ray-app:2.60.0-py311-cpu"
    assert [step["kind"] for step in build["steps"]] == ["base", "runtime", "app"]
    checks = {check["name"] for one in found["evidence"] for check in one["checks"]}
    assert {"secrets", "boot", "spread"} <= checks
    strict = released.json("audit", reference, expect=6)
    assert "not accepted: substituted base" in strict["refusals"]


def test_second_release_finds_everything_done(released: Checkout) -> None:
    outcomes = released.outcomes("release", *TWO_CELLS)
    assert {one["state"] for one in outcomes.values()} == {"cached"}


def test_reports_are_junit(released: Checkout) -> None:
    from xml.etree import ElementTree

    reports = sorted((released.root / ".factory" / "reports").glob("ray-app_*.xml"))
    assert len(reports) == 2
    for report in reports:
        cases = ElementTree.parse(report).getroot().findall(".//testcase")
        assert {"boot", "square", "spread", "jobs-api"} <= {case.get("name") for case in cases}


def test_findings_and_materials_are_written_beside_them(released: Checkout) -> None:
    reports = released.root / ".factory" / "reports"
    for build in released.json("status")["builds"]:
        name = build["id"].replace(":", "_")
        log = json.loads((reports / f"{name}.sarif").read_text())
        [run] = log["runs"]
        assert run["tool"]["driver"]["name"] == "ray-image-factory"
        assert "error" not in {one["level"] for one in run["results"]}, "it was not refused"
        materials = json.loads((reports / f"{name}.cdx.json").read_text())
        assert materials["bomFormat"] == "CycloneDX"
        versions = {one["name"]: one.get("version") for one in materials["components"]}
        assert versions["ray"] == build["id"].split(":")[1].split("-")[0]


def test_two_builds_are_compared(released: Checkout) -> None:
    older, newer = "ray-app:2.55.1-py311-cpu", "ray-app:2.60.0-py311-cpu"
    found = released.json("diff", older, newer)
    packages = {one["name"]: (one["from"], one["to"]) for one in found["packages"]}
    assert packages["pypi ray"] == ("2.55.1", "2.60.0")
    sizes = {one["step"]: one["to"] for one in found["sizes"]}
    assert list(sizes) == ["base", "runtime", "ray-app"]
    assert min(sizes.values()) > 0
    assert released.json("diff", newer, newer)["packages"] == []
    assert "did you mean" in released.invoke("diff", newer, "ray-app:2.60.0-py311", expect=2).stderr


def test_lost_ledger_adopts_what_is_published_instead_of_building(released: Checkout) -> None:
    before = Registry().head(f"{released.registry}/ray-app", "latest")
    shutil.rmtree(released.root / ".factory")
    docker("image", "rm", released.refs()["ray-app:2.60.0-py311-cpu"])
    outcomes = released.outcomes("release", *ONE_CELL)
    built = [one for one in outcomes.values() if one["verb"] == "build"]
    assert [one["reason"] for one in built] == ["adopted from local"]
    judged = {one["verb"]: one["state"] for one in outcomes.values() if one["verb"] != "build"}
    assert judged["scan"] == judged["verify"] == "cached", "the registry says how it was judged"
    assert Registry().head(f"{released.registry}/ray-app", "latest") == before


def test_a_build_on_an_empty_ledger_and_engine_takes_the_published_image(
    released: Checkout,
) -> None:
    """The registry is the database of builds: neither the image nor what it stands on is made."""
    shutil.rmtree(released.root / ".factory")
    ref = released.refs()["ray-app:2.60.0-py311-cpu"]
    docker("image", "rm", ref)
    outcomes = released.outcomes("build", *ONE_CELL)
    assert [(one["verb"], one["reason"]) for one in outcomes.values()] == [
        ("build", "adopted from local")
    ]
    assert docker("image", "inspect", "--format", "{{.Id}}", ref)


def test_a_targets_own_policy_refuses_there_and_only_there(released: Checkout) -> None:
    matrix = released.root / "matrix.yaml"
    whole = matrix.read_text()
    own = "kind: local\n    scan: {sizes: [{mebibytes: 1}]}\n"
    matrix.write_text(whole.replace("kind: local\n", own))
    try:
        scanned = released.outcomes("scan", *ONE_CELL)
        assert "failed" not in {one["state"] for one in scanned.values()}
        refused, blocked = released.outcomes("publish", *ONE_CELL, expect=6).values()
        assert (blocked["verb"], blocked["state"]) == ("move", "blocked")
        assert "of a budget of 1 MiB" in str(refused)
    finally:
        matrix.write_text(whole)


def test_image_with_a_secret_is_refused_by_name_and_not_published(checkout: Checkout) -> None:
    add_image(checkout, "leaky", {"main.py": "print(1)\n", "id_rsa": private_key()})
    add_image(checkout, "clean", {"main.py": "print(1)\n"})
    outcomes = checkout.outcomes("release", *ONE_CELL, expect=4)
    cell = "2.60.0-py311-cpu"
    assert outcomes[f"scan leaky:{cell}"]["state"] == "failed"
    assert any("id_rsa" in line for line in outcomes[f"scan leaky:{cell}"]["detail"])
    assert outcomes[f"publish leaky:{cell} → local"]["state"] == "blocked"
    assert Registry().head(f"{checkout.registry}/leaky", cell) is None
    # One cell's failure stops no other.
    assert outcomes[f"publish clean:{cell} → local"]["state"] == "done"
    assert Registry().head(f"{checkout.registry}/clean", cell) is not None
    # And asking for nothing but the publication does not get around the gate.
    again = checkout.outcomes("publish", *ONE_CELL, "--image", "leaky", expect=6)
    assert "secret" in str(again) or "scan" in str(again)
    assert Registry().head(f"{checkout.registry}/leaky", cell) is None


def test_image_whose_ray_start_dies_is_not_published(checkout: Checkout) -> None:
    add_image(checkout, "dying", {"sitecustomize.py": RAY_START_DIES})
    outcomes = checkout.outcomes("release", *ONE_CELL, expect=5)
    failed = outcomes["verify dying:2.60.0-py311-cpu"]
    assert failed["state"] == "failed"
    assert any("this node refuses to start" in line for line in failed["detail"])
    assert outcomes["publish dying:2.60.0-py311-cpu → local"]["state"] == "blocked"
    [record] = checkout.json("status")["builds"]
    assert record["published"] == []
    assert not checkout.leftovers()


def test_failing_build_shows_its_last_lines_and_stops_only_its_own_cell(
    checkout: Checkout,
) -> None:
    add_image(checkout, "good", {"main.py": "print(1)\n"})
    add_image(checkout, "bad", {"main.py": "print(1)\n"}, more="requirements: requirements.txt\n")
    wanted = checkout.root / "images" / "bad" / "requirements.txt"
    wanted.write_text("no-such-package-anywhere==1.0\n")
    outcomes = checkout.outcomes("build", *ONE_CELL, expect=3)
    states = {name.split()[1].split("@")[0]: one["state"] for name, one in outcomes.items()}
    assert (states["good"], states["bad"]) == ("done", "failed")
    [failed] = [one for one in outcomes.values() if one["state"] == "failed"]
    assert any("no-such-package-anywhere" in line for line in failed["detail"])


def test_gates_ask_for_what_was_not_built_yet(checkout: Checkout) -> None:
    add_image(checkout, "unbuilt", {"main.py": "print(1)\n"})
    for gate, code in (("scan", 4), ("verify", 5), ("publish", 6)):
        outcome, *blocked = checkout.outcomes(gate, *ONE_CELL, expect=code).values()
        assert "has not been built" in outcome["reason"]
        assert {one["state"] for one in blocked} <= {"blocked"}


def test_clean_removes_this_trees_images_and_no_others(checkout: Checkout, ray_image: str) -> None:
    add_image(checkout, "cleaned", {"main.py": "print(1)\n"})
    (checkout.root / "dockerfiles" / "runtime.Dockerfile.j2").write_text("FROM {{ parent }}\n")
    checkout.invoke("build", *ONE_CELL)
    ref = checkout.refs()["cleaned:2.60.0-py311-cpu"]
    assert docker("image", "ls", "--quiet", ref)
    checkout.invoke("clean")
    assert not docker("image", "ls", "--quiet", ref)
    assert not (checkout.root / ".factory").exists()
    assert docker("image", "ls", "--quiet", ray_image)


def test_base_image_is_a_drop_in(shipped: Checkout, ray_image: str) -> None:
    script = "id -u; id -g; pwd; command -v python; command -v ray; command -v uv; sudo -n id -u; "
    script += (
        'echo "$LC_ALL $LANG"; test -s ~/pip-freeze.txt && test -s ~/requirements_compiled.txt'
    )
    said = docker("run", "--rm", ray_image, "bash", "-c", script).splitlines()
    home = "/home/ray/anaconda3/bin"
    expected = ["1000", "100", "/home/ray", f"{home}/python", f"{home}/ray", "/usr/local/bin/uv"]
    assert said == [*expected, "0", "C.UTF-8 C.UTF-8"]
    config = docker("image", "inspect", ray_image, "--format", "{{json .Config}}")
    found = json.loads(config)
    assert not found.get("Entrypoint")
    assert found["Cmd"] == ["bash"]
    assert found["Labels"]["io.ray.ray-version"] == "2.60.0"
    assert len(found["Labels"]["io.ray.ray-commit"]) == 40
    assert "/home/ray/anaconda3/bin/ray" in docker(
        "run", "--rm", ray_image, "bash", "-lc", "command -v ray"
    )


FLAW = {"Title": "t", "Severity": "CRITICAL", "VendorSeverity": {"debian": 4}}
DATABASE = {
    "vulnerability": {"CVE-2026-1000": {"": FLAW}},
    "debian 12": {"zlib": {"CVE-2026-1000": {"": {"FixedVersion": "9:9"}}}},
    "data-source": {"debian 12": {"": {"ID": "debian", "Name": "Debian", "URL": ""}}},
}


@pytest.fixture
def newer_database(released: Checkout, tmp_path: Path) -> Iterator[None]:
    """A database that knows more, for this tree alone, whose ledger forgets what came of it."""
    released.invoke("release", *ONE_CELL)  # tests before took the ledger away
    home = released.data.parent / "cache" / APP / "trivy"
    shared, state = home.resolve(), released.root / ".factory"
    shutil.copytree(state, tmp_path / "state")
    home.unlink()
    shutil.copytree(shared / "inventory", home / "inventory")
    trivy_database.write(home, DATABASE)
    yield
    shutil.rmtree(home)
    home.symlink_to(shared)
    shutil.rmtree(state)
    shutil.copytree(tmp_path / "state", state)


@pytest.mark.usefixtures("newer_database")
def test_what_was_published_is_judged_by_what_is_known_today(released: Checkout) -> None:
    said = released.invoke("scan", "--published", expect=4).stdout
    assert "scan failed: vulnerabilities" in said
    assert re.search(r"\+ CRITICAL CVE-2026-1000 in zlib1g .*, inherited from base\): fixed", said)
    again = released.invoke("scan", "--published", "--format", "json", expect=4).stdout
    document = json.loads(again)
    assert {one["status"] for one in document["published"]} == {"fail"}
    released.invoke("scan", *ONE_CELL, expect=4)
    reports = released.root / ".factory" / "reports"
    log = json.loads((reports / "ray-app_2.60.0-py311-cpu.sarif").read_text())
    levels = {one["ruleId"]: one["level"] for one in log["runs"][0]["results"]}
    assert [rule for rule, level in levels.items() if level == "error"] == ["CVE-2026-1000"]
    assert {tuple(one["new"]) for one in document["published"]} == {()}, "it was told before"
