"""An image's own checks and those that it inherits, as the factory finds them."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.verify.own_checks import OwnChecks
from factory.verify.smoke import own


def test_own_checks_are_found_without_running_them() -> None:
    specs = own.discover("raise SystemExit\nLIMITS = {'check_b': 5}\ndef check_b(): ...\n"
                         "def helper(): ...\ndef check_a_b(): ...\n", "0-app")  # fmt: skip
    assert [(spec.name, spec.limit) for spec in specs] == [
        ("own:b", 5.0),
        ("own:a-b", own.LIMIT_SECONDS),
    ]
    assert all(spec.own and spec.needs == ("nodes", "square") for spec in specs)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def check_(:", "invalid syntax"),
        ("def helper(): ...", "no function"),
        ("LIMITS = {'check_b': 5}\ndef check_a(): ...", "check_b"),
        ("LIMITS = {'check_a': 0}\ndef check_a(): ...", "seconds"),
        ("LIMITS = {'check_a': 1e9}\ndef check_a(): ...", "seconds"),
        ("LIMITS = {'check_a': True}\ndef check_a(): ...", "seconds"),
        ("LIMITS = {'check_a': f()}\ndef check_a(): ...", "LIMITS"),
        ("LIMITS = [1]\ndef check_a(): ...", "LIMITS"),
        ("LIMITS = {[]: 1}\ndef check_a(): ...", "LIMITS"),
        ("LIMITS = {{1: 2}: 3}\ndef check_a(): ...", "LIMITS"),
        ("async def check_a(): ...", "check_a would not be asked"),
        ("def check_b(): ...\nasync def check_a(): ...", "check_a would not be asked"),
        ("def check_b(): ...\nif True:\n    def check_a(): ...", "check_a would not be asked"),
        (
            "def check_b(): ...\ntry:\n    import x\nexcept ImportError:\n    def check_a(): ...",
            "check_a would not be asked",
        ),
        ("def check_(): ...", "no name"),
    ],
)
def test_own_checks_that_cannot_be_used_are_refused(source: str, says: str) -> None:
    with pytest.raises((SyntaxError, ValueError), match=says):
        own.discover(source, "0-app")


def test_what_is_in_functions_and_classes_is_their_own_affair() -> None:
    source = (
        "def check_a():\n    async def check_it(): ...\n"
        "class Model:\n    def check_it(self): ...\n    async def check_that(self): ...\n"
        "def helper():\n    if True:\n        def check_it(): ...\n"
    )
    assert [spec.name for spec in own.discover(source, "0-app")] == ["own:a"]


def own_checks(**files: str | bytes) -> OwnChecks:
    """Files of checks by the image that they are of, the outermost parent first."""
    return OwnChecks.of(
        (Path("images", image, "checks.py"), text if isinstance(text, bytes) else text.encode())
        for image, text in files.items()
    )


@pytest.mark.parametrize("content", [b"def check_(:\n", b"\xff", b"x = 0\0"])
def test_a_file_that_cannot_be_read_says_so_and_is_not_run(content: bytes) -> None:
    found = own_checks(app=content)
    assert found.broken
    assert found.specs == ()


def test_a_check_that_is_defined_twice_is_one_check() -> None:
    assert len(own_checks(app="def check_a(): ...\ndef check_a(): ...\n").specs) == 1


def test_a_childs_check_takes_the_place_of_its_parents() -> None:
    found = own_checks(
        parent="LIMITS = {'check_b': 5}\ndef check_b(): ...\ndef check_a(): ...\n",
        child="def check_c(): ...\ndef check_b(): ...\n",
    )
    assert [(spec.name, own.origin_of(spec), spec.limit) for spec in found.specs] == [
        ("own:b", "1-child", own.LIMIT_SECONDS),
        ("own:a", "0-parent", own.LIMIT_SECONDS),
        ("own:c", "1-child", own.LIMIT_SECONDS),
    ]


def test_every_unusable_file_is_named_and_the_others_are_run() -> None:
    found = own_checks(parent="def check_(:", middle="def check_a(): ...", child="")
    assert [spec.name for spec in found.specs] == ["own:a"]
    parents, childs = found.broken.split(" / ")
    assert parents.startswith("parent/checks.py: invalid syntax")
    assert childs.startswith("child/checks.py: it has no function")


def test_files_of_one_name_have_places_of_their_own_that_any_folder_can_hold() -> None:
    paths = [Path("a b", "checks.py"), Path("ä/checks.py"), Path("ä/checks.py")]
    files = OwnChecks.of((path, b"") for path in paths).files
    places = [own.file_of(file.origin) for file in files]
    assert places == [
        "own_checks/0-a_b/checks.py",
        "own_checks/1-_/checks.py",
        "own_checks/2-_/checks.py",
    ]
