"""Nothing leaks: of all that builds see of this host's secrets, nothing is in an image, in what the
factory writes or prints, or in an argument list; also where a build fails."""

from __future__ import annotations

import base64
import gzip
import json
import re
import secrets
import shlex
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from factory.engine import Engine
from tests.integration.canaries import (
    KEPT,
    NEEDLES,
    PACKAGES,
    Ground,
    SpiedCheckout,
    guarded_ground,
    on,
    secret,
)
from tests.integration.conftest import Checkout
from tests.integration.engine_content import found_in_cache, plant_in_cache, records
from tests.integration.guarded_sources import make_wheel
from tests.integration.image_content import forms, hits, hits_in_folder, hits_in_image
from tests.integration.one_cell import CELL, inside, one_cell, ref_of, write_image
from tests.integration.process_list import ProcessList, watched

pytestmark = [pytest.mark.engine, pytest.mark.long]

INSTALL = "install: {script: install.sh, apt: [git], secrets: [CANARY_LICENCE]}\n"
COMPILES = """\
mkdir -p "$DESTDIR/home/ray/licence"
sha256sum </run/secrets/CANARY_LICENCE >"$DESTDIR/home/ray/licence/sum"
python -m pip download --no-deps --dest /tmp/downloads fromindex==1.0
"""
SHOWS = """\
echo "$(cat /run/secrets/CANARY_LICENCE)"
git clone "http://x-access-token:$(cat /run/secrets/CANARY_LICENCE)@127.0.0.1:1/none.git"
"""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A run of the factory on a host full of secrets."""

    project: SpiedCheckout
    said: str
    processes: ProcessList


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with guarded_ground(tmp_path_factory.mktemp("ground")) as made:
        yield made


@pytest.fixture(scope="module")
def released(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """An image that uses every source, through all gates; and some whose builds fail."""
    with one_cell(tmp_path_factory.mktemp("released")) as made:
        project = on(ground, made)
        set_matrix(project, verify={"workers": 1})
        code = ground.git.repository("private/code")
        code.commit({"main.py": "print('fetched')\n"})
        # What it stands on is new, or BuildKit would know the outcome and ask no source.
        write_image(project, "under", f"env: {{RUN: '{secrets.token_hex(4)}'}}", {"app/a.py": ""})
        fetched = f"parent: under\nsource: {{git: '{code.url}', ref: main, token: CANARY_GIT}}\n"
        wanted = "".join(f"{name}==1.0\n" for name in PACKAGES)
        write_image(
            project,
            "good",
            f"{fetched}requirements: wanted.txt\n{INSTALL}",
            {"wanted.txt": wanted, "install.sh": COMPILES},
        )
        write_image(
            project, "lacks", f"{fetched}requirements: wanted.txt", {"wanted.txt": "no-such-thing"}
        )
        with watched(NEEDLES) as processes:
            said = everything(project.invoke("release", "--skip", "under:*", expect=3))
        # This script's git has the secret among its arguments: what it does is its own affair.
        write_image(project, "shows", fetched + INSTALL, {"install.sh": SHOWS})
        said += everything(project.invoke("build", "--image", "shows", expect=3))
        ground.guard.broken = ("/InRelease",)  # then apt says with which login it wanted it
        write_image(project, "unlucky", "parent: under\napt: [tree]", {})
        said += everything(project.invoke("build", "--image", "unlucky", expect=3))
        ground.guard.broken = ()
        yield Ran(project=project, said=said, processes=processes)


@pytest.fixture(scope="module")
def based(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """A base made of packages on such a host, with a stand-in for Ray, and an image on it."""
    with one_cell(tmp_path_factory.mktemp("based")) as made:
        project = on(ground, made)
        (project.settings.cache / "rootfs").unlink()  # this one is nobody else's
        tag = "cp311-cp311-manylinux2014_x86_64"
        commit = f"__commit__ = '{'0' * 40}'\n"
        wheel = make_wheel(project.root / "wheels", "ray", "2.60.0", tag, commit)
        base = {
            "source": "packages",
            "epoch": f"leaks-{secrets.token_hex(4)}",
            "packages": {"wheel": str(wheel.relative_to(project.root))},
        }
        set_matrix(project, base=base)
        shutil.rmtree(project.root / "dockerfiles" / "locks")  # they are of the real Ray
        write_image(project, "good", "", {"app/a.py": ""})
        with watched(NEEDLES) as processes:
            said = everything(project.invoke("build"))
        yield Ran(project=project, said=said, processes=processes)
        project.invoke("clean")


@pytest.fixture(params=["released", "based"])
def ran(request: pytest.FixtureRequest) -> Ran:
    found: Ran = request.getfixturevalue(request.param)
    return found


def everything(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


def set_matrix(project: Checkout, **changes: object) -> None:
    file = project.root / "matrix.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | changes))


def test_all_secrets_were_used_and_the_image_is_published(released: Ran, ground: Ground) -> None:
    assert ground.guard.let_in == ground.sources
    said = inside(
        ref_of(released.project, "good"),
        f"python -c 'import {', '.join(PACKAGES)}'; python ~/app/main.py; cat ~/licence/sum",
    )
    assert said.splitlines()[0] == "fetched"
    assert "good" in {path.name for path in ground.store.rglob("good")}
    assert released.project.json("status")["builds"]


def test_the_builds_that_fail_say_why(released: Ran) -> None:
    assert released.said.count("exit code 3: build") == 3
    assert "fatal: unable to access" in released.said
    assert "no-such-thing was not found" in released.said
    assert re.search(r"E: Failed to fetch \S+/InRelease", released.said)


def test_no_secret_is_in_what_is_printed(ran: Ran) -> None:
    assert not [line for line in ran.said.splitlines() if hits([line.encode()], NEEDLES)]


def test_no_secret_is_in_any_layer_or_document_of_an_image(ran: Ran) -> None:
    assert not hits_in_image(ref_of(ran.project, "good"), NEEDLES)


def test_no_secret_is_in_the_factorys_own_files(ran: Ran) -> None:
    assert (ran.project.root / ".factory" / "ledger.sqlite").is_file()
    assert list((ran.project.root / ".factory" / "logs").glob("build-good*"))
    assert not hits_in_folder(ran.project.data.parent, NEEDLES)


def test_no_secret_is_in_an_argument_list(ran: Ran) -> None:
    started = ran.project.record.read_text().splitlines()
    assert any('buildx", "build"' in line and "id=uv,src=" in line for line in started)
    assert not [line for line in started if hits([line.encode()], NEEDLES)]


def test_no_secret_is_in_what_the_registry_holds(released: Ran, ground: Ground) -> None:
    assert len(list(ground.store.rglob("data"))) > 10
    assert not hits_in_folder(ground.store, NEEDLES)


def test_nothing_that_tells_of_the_build_is_published_with_the_image(
    released: Ran, ground: Ground
) -> None:
    """A provenance of BuildKit's may name build arguments, and the proxies are such. What the
    factory itself attaches names what it chooses."""
    small = [path for path in ground.store.rglob("data") if path.stat().st_size < 1 << 16]
    documents = [text for text in map(Path.read_bytes, small) if text.startswith(b"{")]
    assert any(b'"layers"' in text for text in documents)
    assert not hits(documents, [b"slsa", b"attestation-manifest", b"vnd.docker.reference"])
    statements = [json.loads(text) for text in documents if b"in-toto.io/Statement" in text]
    told = {one["predicateType"] for one in statements if "predicateType" in one}
    assert told == {f"urn:ray-image-factory:{kind}:v1" for kind in ("scan", "verify", "build")}


def test_no_secret_is_in_a_report_or_in_what_the_scan_keeps(released: Ran) -> None:
    reports = released.project.root / ".factory" / "reports"
    inventory = released.project.settings.cache / "trivy" / "inventory"
    builds = released.project.json("status")["builds"]
    [good] = [build for build in builds if build["id"].startswith("good:")]
    assert good["verdicts"].keys() == {"scan", "verify"}
    assert {".xml", ".sarif", ".json"} <= {path.suffix for path in reports.glob("good_*")}
    assert not hits_in_folder(reports, NEEDLES)
    [kept] = inventory.glob(f"{good['config_digest'].partition(':')[2]}-*")
    assert (kept / "sbom.cdx.json").is_file()
    assert not hits_in_folder(kept, NEEDLES)


@pytest.mark.usefixtures("ran")
def test_no_secret_is_in_what_is_left_in_the_folder_for_temporary_files(ground: Ground) -> None:
    assert not list(ground.temporary.glob("factory*"))
    assert not hits_in_folder(ground.temporary, NEEDLES)


@pytest.mark.usefixtures("ran")
def test_no_secret_is_in_what_buildx_writes_down(ground: Ground) -> None:
    assert list((ground.buildx / "refs").rglob("*"))
    assert not hits_in_folder(ground.buildx, NEEDLES)


@pytest.mark.parametrize(
    ("cache", "options"),
    [
        ("factory-uv", ",uid=1000,gid=100"),
        ("factory-apt-lists-3.11", ",sharing=locked"),
        ("factory-apt-archives-3.11", ",sharing=locked"),
    ],
    ids=["uv", "apt-lists", "apt-archives"],
)
def test_no_secret_is_in_the_caches_that_all_builds_share(
    released: Ran, cache: str, options: str
) -> None:
    assert not found_in_cache(ref_of(released.project, "good"), cache, NEEDLES, options=options)


def test_the_search_finds_what_is_planted_in_a_cache(released: Ran) -> None:
    ref, cache = ref_of(released.project, "good"), "factory-canary"
    plant_in_cache(ref, cache, NEEDLES)
    assert found_in_cache(ref, cache, NEEDLES)


@pytest.mark.usefixtures("ran")
def test_no_secret_is_in_the_engines_records_of_builds(ground: Ground) -> None:
    """But that of the proxy in Docker's own settings, of which its client tells every build."""
    told = list(records())
    names = {*ground.sources, *KEPT}
    assert not hits(told, [form for name in names for form in forms(secret(name))])
    assert hits(told, forms(secret("container"))), "they are records of these builds"


def test_no_secret_is_in_the_list_of_processes(ran: Ran) -> None:
    assert ran.processes.programs > 100
    assert not ran.processes.found


def test_the_watch_finds_what_is_planted_in_an_argument(released: Ran) -> None:
    """Of a process of this host, and of one in a container."""
    here, there = f"sleep 0.1; : {secret('here')}", f"sleep 0.1; : {secret('there')}"
    with watched(NEEDLES) as processes:
        subprocess.run(["bash", "-c", here], check=True)
        inside(ref_of(released.project, "good"), f"bash -c {shlex.quote(there)}")
    assert f"bash -c {here}" in processes.found
    assert f"bash -c {there}" in processes.found


@pytest.mark.parametrize(
    "asked",
    [
        ("plan",),
        ("plan", "--format", "json"),
        ("explain", f"good:{CELL}", "--all"),
        ("explain", f"good:{CELL}", "--format", "json"),
        ("render",),
        ("matrix",),
        ("status", "--format", "json"),
        ("doctor", "--format", "json"),
    ],
    ids=" ".join,
)
def test_no_secret_is_in_what_a_command_tells(released: Ran, asked: tuple[str, ...]) -> None:
    said = everything(released.project.invoke(*asked))
    assert said.strip()
    assert not hits([said.encode()], NEEDLES)


def test_what_bake_is_given_has_secrets_in_files_for_this_user_alone(released: Ran) -> None:
    folder = released.project.root / ".factory" / "render"
    try:
        said = everything(released.project.invoke("bake"))
        assert not hits([said.encode()], NEEDLES)
        assert (folder / "docker-bake.json").is_file()
        found = hits_in_folder(folder, NEEDLES)
        assert set(found) - {"bake/apt"} == {"bake/pip", "bake/uv", "bake/proxies"}
        assert {stat.S_IMODE((folder / name).stat().st_mode) for name in found} == {0o600}
        assert stat.S_IMODE((folder / "bake").stat().st_mode) == 0o700
    finally:
        shutil.rmtree(folder / "bake", ignore_errors=True)


@pytest.fixture
def planted(tmp_path: Path, released: Ran) -> Iterator[str]:
    """An image with secrets in all places that are looked at."""
    packed = base64.b64encode(f"1:{secret('planted')}".encode()).decode()
    dockerfile = f"""\
FROM {ref_of(released.project, "good")}
RUN echo {packed} > /tmp/packed
RUN rm /tmp/packed && echo no longer
ENV PLAIN={secret("planted")}
COPY file /home/ray/file
"""
    (tmp_path / "file").write_text(f"http://me:{secret('planted')}%2F@host/")
    ref = f"factory.invalid/planted:{secrets.token_hex(4)}"
    engine = Engine.connect()
    packing = f",compression={engine.compression}" if engine.compression else ""
    output = f"--output=type=image,name={ref}{packing},oci-mediatypes={bool(packing)}".lower()
    subprocess.run(
        ["docker", "buildx", "build", "--provenance=false", output, "--file=-", str(tmp_path)],
        input=dockerfile.encode(),
        capture_output=True,
        check=True,
    )
    yield ref
    engine.remove_image(ref)


def test_the_search_finds_what_is_planted_in_an_image(planted: str) -> None:
    found = hits_in_image(planted, NEEDLES)
    around = b"".join(place for places in found.values() for place in places)
    assert len(found) == 3, "two layers, one of them hidden by a later one, and the configuration"
    assert b"PLAIN=" in around
    assert b"%2F@host" in around


@pytest.mark.parametrize("before", ["", "1", "12"])
def test_the_search_finds_what_is_planted_in_a_file(tmp_path: Path, before: str) -> None:
    text = f"{before}{secret('planted')}"
    (tmp_path / "packed").write_bytes(base64.b64encode(text.encode()))
    (tmp_path / "digits").write_text(text.encode().hex())
    (tmp_path / "report.xml.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / secret("planted")).mkdir()
    found = {"packed", "digits", "report.xml.gz", secret("planted")}
    assert set(hits_in_folder(tmp_path, NEEDLES)) == found


def test_the_search_finds_what_lies_across_two_chunks() -> None:
    text = secret("planted").encode()
    assert hits([b"x" + text[:9], text[9:]], NEEDLES)
    assert not hits([b"x" + text[:9], b"y" + text[9:]], NEEDLES)
