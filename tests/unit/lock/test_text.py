"""Locks as text."""

from __future__ import annotations

import time
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from factory.errors import ConfigError
from factory.lock.files import write_files
from factory.lock.lines import wishes_of
from factory.model import Lock, Pin, asked_digest, made_for, parse_lock

HASHES = st.lists(st.text("0123456789abcdef", min_size=64, max_size=64), min_size=1, max_size=3)
PINS = st.builds(
    lambda version, hashes, exact: Pin(
        version=version, hashes=tuple(f"sha256:{each}" for each in hashes), exact=exact
    ),
    st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}(rc1|\.post2|\+cu130)?", fullmatch=True),
    HASHES,
    st.booleans(),
)
LOCKS = st.builds(
    lambda pins: Lock(made_for="a" * 64, pins=dict(sorted(pins.items()))),
    st.dictionaries(st.from_regex(r"[a-z0-9]{1,6}(-[a-z0-9]{1,6})?", fullmatch=True), PINS),
)
ONE = Lock(made_for="a" * 64, pins={"numpy": Pin(version="2.4.6", hashes=(f"sha256:{'1' * 64}",))})


@given(LOCKS)
def test_what_is_written_is_read(lock: Lock) -> None:
    assert parse_lock(lock.text(), "") == lock


@given(LOCKS, st.data())
def test_a_text_that_is_cut_within_a_line_is_no_lock(lock: Lock, data: st.DataObject) -> None:
    text = lock.text()
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    if not cut.endswith("\n") or cut.endswith("\\\n"):
        with pytest.raises(ConfigError):
            made_for(cut, "x")


@pytest.mark.parametrize(
    "line",
    [
        *("numpy==2.4.6", "numpy>=2 \\\n    --hash=sha256:" + "1" * 64),
        *("--index-url https://index.example/", "-r other.txt", "-e ."),
        *("numpy==2.4.6 \\\n    --hash=md5:" + "1" * 32, "numpy @ file:///x.whl"),
        *("numpy==2.4.6 ; python_version>'3' \\\n    --hash=sha256:" + "1" * 64, "rm -rf /"),
    ],
)
def test_what_else_a_file_says_is_told_with_its_line(line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made_for(f"{ONE.text()}{line}\n", "locks/py311.txt")
    assert caught.value.where == "locks/py311.txt:5"
    assert "invoke lock" in caught.value.todo


@pytest.mark.parametrize("text", ["", "numpy==1\n", f"# asked: {'z' * 64}\n"])
def test_a_file_without_its_header_is_no_lock(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made_for(text, "x")
    assert caught.value.where == "x:1"


def test_a_package_is_in_a_lock_once() -> None:
    twice = ONE.text() + ONE.text().partition("lock`.\n")[2]
    with pytest.raises(ConfigError) as caught:
        parse_lock(twice, "x")
    assert "numpy" in caught.value.what


def test_what_is_asked_for_is_the_same_in_any_order_and_with_any_comments() -> None:
    assert asked_digest(["b", "a==1"]) == asked_digest(["# why", "a==1  # so", "", "b"])
    assert asked_digest(["a==1"]) != asked_digest(["a==2"])


@pytest.mark.parametrize(
    ("line", "wish"),
    [
        ("numpy<2.4,>=2", "numpy<2.4,>=2"),
        ("ray[data]==2.60.0  # why", "ray==2.60.0"),
        ("pandas ~= 3.0", "pandas~= 3.0"),
        ("numpy", None),
        ("numpy<2; python_version<'3.12'", None),
        ("-r other.txt", None),
        ("two words", None),
        ("demo @ https://files.example/x.whl", None),
    ],
)
def test_a_wish_is_the_versions_that_a_line_asks_for(line: str, wish: str | None) -> None:
    assert wishes_of([line]) == ({wish} if wish else set())


def test_blanks_between_versions_are_tried_in_one_way_only() -> None:
    began = time.process_time()
    assert wishes_of(["a" + "==1  " * 500 + "$"]) == set()
    assert time.process_time() - began < 2


def test_no_lock_is_written_by_a_link_out_of_the_root(tmp_path: Path) -> None:
    (tmp_path / "root" / "dockerfiles").mkdir(parents=True)
    (tmp_path / "beside").mkdir()
    (tmp_path / "root" / "dockerfiles" / "locks").symlink_to(tmp_path / "beside")
    with pytest.raises(ConfigError, match="leads outside the project"):
        write_files(tmp_path / "root", {"dockerfiles/locks/base/x.txt": "x\n"})
    assert not list((tmp_path / "beside").iterdir())
