"""Of the files behind an input, the one that changed is named, and how."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.explain import is_lock, manifest, pins
from factory.explain.files import file_changes

NO_TEXTS: dict[str, str] = {}
Thing = tuple[str, str, str]
BEFORE: list[Thing] = [
    ("app", "folder", ""),
    ("app/link", "link", "1"),
    ("app/main.py", "file", "1"),
    ("app/run.sh", "executable", "2"),
]


def changes(after: list[Thing], before: list[Thing] = BEFORE, **texts: str) -> list[str]:
    return list(file_changes(manifest(after), manifest(before), "images/demo", texts.get))


def swapped(path: str, *things: Thing) -> list[Thing]:
    return sorted([thing for thing in BEFORE if thing[0] != path] + list(things))


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (BEFORE, []),
        (swapped("app/main.py", ("app/main.py", "file", "9")), ["app/main.py changed"]),
        (swapped("app/main.py"), ["app/main.py is gone"]),
        (swapped("", ("app/new.py", "file", "9")), ["app/new.py was added"]),
        (
            swapped("app/main.py", ("app/main.py", "executable", "1")),
            ["app/main.py may now be executed"],
        ),
        (
            swapped("app/run.sh", ("app/run.sh", "file", "2")),
            ["app/run.sh may no longer be executed"],
        ),
        (swapped("app/run.sh", ("app/run.sh", "file", "9")), ["app/run.sh changed"]),
        (swapped("app/link", ("app/link", "link", "9")), ["app/link leads elsewhere"]),
        (swapped("app/link", ("app/link", "file", "9")), ["app/link is now a file"]),
        (swapped("app/main.py", ("app/main.py", "link", "1")), ["app/main.py is now a symlink"]),
        (
            swapped("app/main.py", ("app/main.py", "folder", ""), ("app/main.py/x", "file", "1")),
            ["app/main.py is now a folder"],
        ),
        (
            swapped(
                "", ("app/b", "folder", ""), ("app/b-c", "file", "1"), ("app/b/d", "file", "1")
            ),
            ["app/b was added", "app/b-c was added"],
        ),
    ],
)
def test_each_sort_of_change_has_its_sentence(after: list[Thing], expected: list[str]) -> None:
    assert changes(after) == [f"images/demo/{line}" for line in expected]


def test_a_folder_that_is_gone_is_told_as_a_whole() -> None:
    assert changes([]) == ["images/demo/app is gone"]


LOCK = """\
# asked: 123
--index-url https://user:secret@example.org/simple
numpy==2.1.0 \\
    --hash=sha256:1
torch==2.13.0+cpu ; python_version > "3"
old.Name===1!2.0
"""


def test_of_a_lock_only_names_and_versions_are_kept() -> None:
    assert pins(LOCK) == "numpy==2.1.0\ntorch==2.13.0+cpu\nold.Name==1!2.0\n"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("images/demo/locks/py311.txt", True),
        ("dockerfiles/locks/base/2.60.0-py311.txt", True),
        ("images/demo/requirements.txt", False),
        ("images/demo/locks", False),
        ("images/demo/locks.txt", False),
        ("dockerfiles/locks/images.json", False),
    ],
)
def test_locks_are_known_by_where_they_lie(path: str, expected: bool) -> None:
    assert is_lock(path) is expected


def lock_changes(new: str | None, old: str | None) -> list[str]:
    texts = {name: pins(text) for name, text in (("n", new), ("o", old)) if text is not None}
    path = "locks/py311.txt"
    return changes([(path, "file", "n")], [(path, "file", "o")], **texts)


PLACE = "images/demo/locks/py311.txt"


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (LOCK.replace("2.1.0", "2.2.0"), [f"numpy 2.1.0 → 2.2.0 in {PLACE}"]),
        (LOCK + "zstd==1.0\n", [f"zstd 1.0 was added to {PLACE}"]),
        (LOCK.replace("old.Name===1!2.0\n", ""), [f"old.Name is gone from {PLACE}"]),
        (LOCK.replace("sha256:1", "sha256:2"), [f"{PLACE} changed"]),
        (None, [f"{PLACE} changed"]),
    ],
)
def test_a_lock_is_told_by_its_versions(new: str | None, expected: list[str]) -> None:
    assert lock_changes(new, LOCK) == expected


def test_every_version_that_moved_is_told() -> None:
    new = LOCK.replace("2.1.0", "2.2.0").replace("2.13.0", "2.14.0")
    assert len(lock_changes(new, LOCK)) == 2


NAMES = st.lists(
    st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=3), min_size=1, max_size=3
).map("/".join)
TREES = st.dictionaries(
    NAMES, st.tuples(st.sampled_from(["file", "executable", "link"]), st.sampled_from("123"))
)


@given(TREES, TREES)
def test_there_is_something_to_tell_just_where_something_differs(
    one: dict[str, tuple[str, str]], other: dict[str, tuple[str, str]]
) -> None:
    after, before = (
        [(path, *thing) for path, thing in sorted(tree.items())] for tree in (one, other)
    )
    found = list(file_changes(manifest(after), manifest(before), ".", NO_TEXTS.get))
    assert bool(found) == (one != other)


def test_a_name_that_is_no_utf_8_survives() -> None:
    path = b"\xff.py".decode("utf-8", "surrogateescape")
    text = manifest([(path, "file", "1")])
    hashlib.sha256(text.encode())  # it can be stored
    assert list(file_changes(text, manifest([]), ".", NO_TEXTS.get)) == [f"{path} was added"]
