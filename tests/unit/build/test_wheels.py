"""Whether wheels can be had: uv itself, asked offline of small wheels made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from factory import process
from factory.build import PackageSources, check_wheels
from factory.errors import ConfigError, FactoryError, MachineError
from factory.model import Wheels
from tests.unit.indexes import hasten, make_wheel, serving

PLATFORM = "manylinux_2_28_x86_64"
PASSWORD = "hush-hush-7f3a"
NOBODY = "http://127.0.0.1:1/simple"


@pytest.fixture(autouse=True)
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch, tmp_path / "uv")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a folder of torch in several flavours."""
    folder = tmp_path / "project" / "wheels"
    for version, python in (("2.13.0+cpu", "311"), ("2.13.0", "311"), ("2.13.0+cu130", "313")):
        make_wheel(folder, "torch", version, f"cp{python}-cp{python}-{PLATFORM}", "numpy==99.0")
    return folder.parent


@pytest.fixture
def simple(tmp_path: Path) -> Path:
    """The folder of a Python index that is served: one package a folder."""
    folder = tmp_path / "simple"
    make_wheel(folder / "torch", "torch", "2.13.0", f"cp311-cp311-{PLATFORM}", "toolkit==13.0.3")
    make_wheel(folder / "torch", "torch", "2.12.0", f"cp311-cp311-{PLATFORM}", "nowhere==1.0")
    for version in ("13.0.3", "12.8.1"):
        make_wheel(folder / "toolkit", "toolkit", version, "py3-none-any")
    return folder


def wanted(*requirements: str, python: str = "3.11", **source: str) -> Wheels:
    return Wheels(
        name=f"{requirements[0]} for Python {python}",
        requirements=requirements,
        python=python,
        **source,
    )


def ask(wheels: Wheels, root: Path, sources: PackageSources | None = None) -> str:
    return check_wheels(wheels, sources or PackageSources(), root, lambda _: None)


def refused(wheels: Wheels, root: Path, sources: PackageSources | None = None) -> FactoryError:
    with pytest.raises(FactoryError) as raised:
        ask(wheels, root, sources)
    assert raised.value.todo
    return raised.value


@pytest.mark.parametrize(
    ("requirement", "python", "found"),
    [
        ("torch==2.13.0+cpu", "3.11", "torch==2.13.0+cpu"),
        ("torch==2.13.0,!=2.13.0+cpu", "3.11", "torch==2.13.0"),
        ("torch==2.13.0+cu130", "3.13", "torch==2.13.0+cu130"),
    ],
)
def test_a_folder_has_the_flavour_and_python(
    root: Path, requirement: str, python: str, found: str
) -> None:
    assert ask(wanted(requirement, python=python, find_links="wheels"), root) == found


@pytest.mark.parametrize(
    ("requirement", "python", "said"),
    [
        ("torch==2.13.0+cu128", "3.11", "torch==2.13.0+cu128"),
        ("torch==2.13.1", "3.11", "torch==2.13.1"),
        ("torch==2.13.0+cu130", "3.11", "cp313"),
        ("torch==2.13.0+cpu", "3.13", "cp311"),
        ("torch==2.13.0,!=2.13.0+cpu", "3.12", "torch"),
        ("ray==2.60.0", "3.11", "ray"),
    ],
)
def test_what_a_folder_has_not_is_a_mistake_in_the_matrix(
    root: Path, requirement: str, python: str, said: str
) -> None:
    error = refused(wanted(requirement, python=python, find_links="wheels"), root)
    assert isinstance(error, ConfigError)
    assert error.exit_code == 2
    assert error.what == f"{requirement} for Python {python} is not in wheels"
    assert any(said in line for line in error.detail), "uv's reasons are shown"


def test_a_wheel_for_a_newer_system_than_the_bases_are_is_none(root: Path) -> None:
    for system in ("manylinux_2_31", "manylinux_2_38"):
        make_wheel(root / system, "torch", "2.13.0", f"cp311-cp311-{system}_x86_64")
    assert ask(wanted("torch==2.13.0", find_links="manylinux_2_31"), root) == "torch==2.13.0"
    assert isinstance(
        refused(wanted("torch==2.13.0", find_links="manylinux_2_38"), root), ConfigError
    )


def test_an_index_is_that_of_the_matrix_and_no_other(root: Path, simple: Path) -> None:
    with serving(simple) as host, serving(simple, 500) as broken:
        sources = PackageSources(index=f"http://{broken}/", find_links=(root / "wheels",))
        index = f"http://{host}/"
        assert ask(wanted("torch==2.13.0", index=index), root, sources) == "torch==2.13.0"
        error = refused(wanted("torch==2.13.0+cpu", index=index), root, sources)
    assert isinstance(error, ConfigError)
    assert error.what == f"torch==2.13.0+cpu for Python 3.11 is not in {index}"


def test_an_index_of_torch_need_not_have_what_goes_with_it(root: Path, simple: Path) -> None:
    both = ("torch==2.13.0+cpu", "toolkit==13.0.*")
    assert ask(wanted(*both, find_links="wheels"), root) == "torch==2.13.0+cpu"
    with serving(simple) as host:
        index = f"http://{host}/"
        assert ask(wanted("torch==2.13.0", "elsewhere==1", index=index), root) == "torch==2.13.0"


def test_the_hosts_sources_are_asked_where_the_matrix_names_none(root: Path, simple: Path) -> None:
    with serving(simple) as host:
        sources = PackageSources(index=f"http://{host}/", find_links=(root / "wheels",))
        assert ask(wanted("toolkit==12.8.*"), root, sources) == "toolkit==12.8.1"
        assert ask(wanted("torch==2.13.0+cpu"), root, sources) == "torch==2.13.0+cpu"
        error = refused(wanted("toolkit==13.9.*"), root, sources)
    assert isinstance(error, ConfigError)
    assert "cannot be had from the package sources of this host" in error.what


def test_of_one_requirement_its_own_existence_is_asked(root: Path, simple: Path) -> None:
    with serving(simple) as host:
        sources = PackageSources(index=f"http://{host}/")
        assert ask(wanted("torch==2.12.0"), root, sources) == "torch==2.12.0"
        error = refused(wanted("torch==2.12.0", "toolkit==13.0.*"), root, sources)
    assert any("nowhere" in line for line in error.detail)


def test_several_requirements_have_to_go_together(root: Path, simple: Path) -> None:
    with serving(simple) as host:
        sources = PackageSources(index=f"http://{host}/")
        asked = wanted("torch==2.13.0", "toolkit==13.0.*")
        assert ask(asked, root, sources) == "torch==2.13.0"
        error = refused(wanted("torch==2.13.0", "toolkit==12.8.*"), root, sources)
    assert isinstance(error, ConfigError)
    assert any("toolkit==13.0.3" in line for line in error.detail)


def test_uv_looks_nowhere_else_whatever_its_environment_says(
    root: Path, simple: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_FIND_LINKS", str(simple / "torch"))
    monkeypatch.setenv("UV_CONSTRAINT", "/nonexistent")
    with serving(simple) as host:
        monkeypatch.setenv("UV_INDEX", f"http://{host}/")
        error = refused(wanted("toolkit==13.0.3", find_links="wheels"), root)
        assert isinstance(error, ConfigError)
        sources = PackageSources(find_links=(root / "wheels",), index=f"http://{host}/torch/")
        assert isinstance(refused(wanted("toolkit==13.0.3"), root, sources), ConfigError)


@pytest.mark.parametrize("status", [401, 403, 500])
def test_an_index_that_does_not_answer_or_let_us_in_lacks_to_this_machine(
    root: Path, simple: Path, status: int
) -> None:
    with serving(simple, status) as host:
        address = f"http://me:{PASSWORD}@{host}/"
        error = refused(wanted("torch==2.13.0"), root, PackageSources(index=address))
    assert isinstance(error, MachineError)
    assert error.exit_code == 7
    assert "no package source says whether there is torch==2.13.0 for Python 3.11" in error.what
    assert any(str(status) in line for line in error.detail)
    assert PASSWORD not in str(error)


@pytest.mark.parametrize("kind", ["index", "page", "matrix"])
def test_nobody_there_lacks_to_this_machine(root: Path, kind: str) -> None:
    sources = {
        "index": PackageSources(index=NOBODY),
        "page": PackageSources(links=(NOBODY,)),
        "matrix": PackageSources(),
    }
    named = {"index": NOBODY} if kind == "matrix" else {}
    error = refused(wanted("torch==2.13.0", **named), root, sources[kind])
    assert isinstance(error, MachineError)


@pytest.mark.parametrize(
    "address",
    [
        f"http://me:{PASSWORD}@127.0.0.1:1/simple",
        f"http://{PASSWORD}@127.0.0.1:1/simple",
        f"http://me:with/{PASSWORD}@127.0.0.1:1/simple",  # no URL: uv quotes its configuration
        f"http://me:{PASSWORD}%21@127.0.0.1:99999/simple",
        f"http://127.0.0.1:1/simple?token={PASSWORD}",
    ],
)
@pytest.mark.parametrize("kind", ["index", "extra", "links"])
def test_no_credential_of_an_address_is_shown_or_logged(
    root: Path, address: str, kind: str
) -> None:
    said: list[str] = []
    sources = {
        "index": PackageSources(index=address),
        "extra": PackageSources(index=NOBODY, extra=(address,)),
        "links": PackageSources(links=(address,)),
    }[kind]
    with pytest.raises(MachineError) as raised:
        check_wheels(wanted("torch==2.13.0"), sources, root, said.append)
    assert said
    assert raised.value.detail
    assert PASSWORD not in "\n".join([*said, str(raised.value)])


def test_a_proxys_password_is_not_shown(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = f"http://me:{PASSWORD}@127.0.0.1:1:1"
    monkeypatch.setenv("HTTP_PROXY", proxy)
    sources = PackageSources(index="http://index.invalid/", proxies=(("HTTP_PROXY", proxy),))
    error = refused(wanted("torch==2.13.0"), root, sources)
    assert isinstance(error, MachineError)
    assert PASSWORD not in str(error)


def test_an_argument_list_holds_no_credential(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    real = process.run

    def run(argv: Sequence[str], **more: Any) -> process.Completed:
        started.extend(argv)
        return real(argv, **more)

    monkeypatch.setattr(process, "run", run)
    refused(
        wanted("torch==2.13.0"), root, PackageSources(index=f"http://me:{PASSWORD}@127.0.0.1:1")
    )
    assert "compile" in started
    assert PASSWORD not in " ".join(started)


def test_uv_that_is_missing_is_told_with_where_it_comes_from(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    error = refused(wanted("torch==2.13.0", find_links="wheels"), root)
    assert isinstance(error, MachineError)
    assert "uv is missing" in error.what
    assert "bootstrap.sh" in error.todo
