"""Install scripts: what they compile reaches the image, and nothing that they needed for it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import Checkout
from tests.integration.git_server import git_server
from tests.integration.image_content import Content, content, forms, hits, hits_in_folder
from tests.integration.one_cell import (
    bridge_address,
    inside,
    one_cell,
    ref_of,
    write_image,
)

pytestmark = pytest.mark.engine

TOKEN = f"token{secrets.token_hex(8)}"
NEEDS = "install: {script: install.sh, apt: [gcc, git, libc6-dev, python3-dev], secrets: [FT_CODE]}"
PROGRAM = '#include <stdio.h>\nint main(void) { puts("compiled"); return 0; }\n'
EXTENSION = """\
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *none) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "quick", NULL, -1, methods};
PyMODINIT_FUNC PyInit_quick(void) { return PyModule_Create(&module); }
"""
SETUP = """\
from setuptools import Extension, setup
setup(name="quick", version="1.0", ext_modules=[Extension("quick", ["quick.c"])])
"""
SCRIPT = r"""
pair=$(printf 'x-access-token:%s' "$(cat /run/secrets/FT_CODE)" | base64 -w0)
git -c "http.extraHeader=Authorization: Basic $pair" clone --quiet --depth 1 {url} fetched
mkdir -p "$DESTDIR"/usr/local/bin "$DESTDIR"/home/ray/data "$DESTDIR"/etc/ours "$DESTDIR"/bin
gcc -o "$DESTDIR/usr/local/bin/greet" greet.c
ln -s /usr/local/bin/greet "$DESTDIR/bin/greeting"
cp fetched/table "$DESTDIR/home/ray/data/"
chmod 0700 "$DESTDIR/usr"
python -m pip wheel --no-build-isolation --no-deps --wheel-dir "$WHEELS" ./extension
"""
ALLOWED = {"var/lib/apt/lists", "var/lib/apt/lists/lock", "var/lib/apt/lists/partial"}
UNWANTED = re.compile(
    r"(usr/)?bin/(gcc|cc|ld|as|make|git)(-\d+)?|usr/lib/(gcc|git-core)|.*/libc6-dev.*"
    r"|usr/include/(stdio|python3\.11/Python)\.h|var/lib/apt/lists/.+|.*\.deb|(source|out)(/.*)?"
    r"|var/cache/(uv|apt/.*bin).*|.*/\.cache(/.*)?|run/(secrets|factory)(/.*)?|tmp/.+|.*/install\.sh"
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """An image that compiles, built."""
    folder = tmp_path_factory.mktemp("install")
    with (
        git_server(folder / "git", TOKEN, bridge_address()) as server,
        one_cell(folder) as made,
    ):
        code = server.repository("private/table")
        code.commit({"table": "rows and columns\n"})
        made.extra = {"FT_CODE": TOKEN}
        files = {
            "install.sh": SCRIPT.replace("{url}", code.url),
            "app/greet.c": PROGRAM,
            "app/extension/quick.c": EXTENSION,
            "app/extension/setup.py": SETUP,
        }
        write_image(made, "compiled", NEEDS, files)
        made.invoke("build")
        yield made


@pytest.fixture(scope="module")
def image(project: Checkout) -> Iterator[Content]:
    with content(ref_of(project, "compiled")) as saved:
        yield saved


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Checkout]:
    with one_cell(tmp_path) as made:
        yield made


def test_what_the_script_made_runs_and_can_be_imported(project: Checkout) -> None:
    script = "greet; greeting; cat ~/data/table; python -c 'import quick; print(quick.answer())'"
    said = inside(ref_of(project, "compiled"), script)
    assert said.splitlines() == ["compiled", "compiled", "rows and columns", "42"]


def test_files_are_the_users_and_folders_that_were_there_keep_their_owner_and_mode(
    project: Checkout,
) -> None:
    paths = "/ /bin/ /usr /usr/local /usr/local/bin /etc /home /home/ray"
    ours = "/usr/local/bin/greet /etc/ours /home/ray/data /home/ray/data/table"
    said = inside(ref_of(project, "compiled"), f"stat -c '%n %u:%g %a' {paths} {ours}")
    system = ["/", "/bin/", "/usr", "/usr/local", "/usr/local/bin", "/etc", "/home"]
    assert said.splitlines() == [
        *(f"{path} 0:0 755" for path in system),
        "/home/ray 1000:100 755",
        "/usr/local/bin/greet 1000:100 755",
        "/etc/ours 1000:100 755",
        "/home/ray/data 1000:100 755",
        "/home/ray/data/table 1000:100 644",
    ]


def test_nothing_that_only_the_script_needed_is_in_any_layer(image: Content) -> None:
    names = image.names()
    assert {"usr/local/bin/greet", "usr/bin/python3.11", "home/ray/data/table"} <= names
    assert not {name for name in names - ALLOWED if UNWANTED.fullmatch(name)}


def test_the_patterns_would_find_what_is_unwanted() -> None:
    unwanted = (
        *("usr/bin/gcc", "usr/bin/gcc-12", "usr/bin/git", "usr/lib/git-core", "usr/bin/ld"),
        *("var/cache/apt/archives/gcc_12_amd64.deb", "var/cache/apt/pkgcache.bin"),
        *("var/lib/apt/lists/mirror_debian_Packages", "home/ray/.cache/pip/x", "root/.cache/uv"),
        *("var/cache/uv/x", "source", "source/greet.c", "out/wheels", "run/secrets/FT_CODE"),
        *("run/factory/install.sh", "tmp/wheels.txt"),
    )
    assert not [name for name in unwanted if not UNWANTED.fullmatch(name)]


def test_the_scripts_secret_is_in_no_layer_and_no_file_of_the_factory(
    project: Checkout, image: Content
) -> None:
    found = {name: hits(chunks, forms(TOKEN)) for name, chunks in image.blobs()}
    assert len(found) > 10
    assert not {name for name, places in found.items() if places}
    assert not hits_in_folder(project.root, forms(TOKEN))


def test_a_script_that_fails_shows_its_last_lines_and_stops_only_its_own_image(
    empty: Checkout,
) -> None:
    script = "echo before\nls /nowhere/at/all | cat\necho after\n"
    write_image(
        empty, "bad", "install: {script: install.sh}", {"install.sh": script, "app/a.py": ""}
    )
    write_image(empty, "good", "", {"app/a.py": ""})
    outcomes = empty.outcomes("build", expect=3)
    [failed] = [one for one in outcomes.values() if one["state"] == "failed"]
    assert failed["subject"].startswith("bad@")
    assert any("cannot access '/nowhere/at/all'" in line for line in failed["detail"])
    assert any("before" in line for line in failed["detail"])
    assert not any(line.endswith("after") for line in failed["detail"]), "it went on after that"
    assert [one["state"] for name, one in outcomes.items() if name.startswith("build good")] == [
        "done"
    ]


def test_a_secret_that_is_not_set_is_told_before_anything_is_built(empty: Checkout) -> None:
    needs = "install: {script: install.sh, secrets: [FT_UNSET]}"
    write_image(empty, "bad", needs, {"install.sh": "true\n", "app/a.py": ""})
    outcomes = empty.outcomes("build", expect=7)
    assert outcomes["check FT_UNSET"]["state"] == "failed"
    assert "FT_UNSET is not set" in outcomes["check FT_UNSET"]["reason"]
    [blocked] = [one for one in outcomes.values() if one["verb"] == "build"]
    assert blocked["state"] == "blocked"
