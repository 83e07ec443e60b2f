"""What a build reads is contained in the project, and every change of it changes the digest."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.context import LEFT_OUT, Contents, contained, hashing
from factory.errors import ConfigError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "project"
    (folder / "app" / "sub").mkdir(parents=True)
    (folder / "app" / "main.py").write_text("print(1)\n")
    (folder / "app" / "sub" / "data").write_bytes(b"\0\1")
    (folder / "app" / "link").symlink_to("main.py")
    return folder


def digest_of(root: Path, path: str) -> str:
    return Contents(root).digest(".", path, where="test")


def digest(root: Path) -> str:
    return digest_of(root, "app")


def relink(app: Path, target: str) -> None:
    (app / "link").unlink()
    (app / "link").symlink_to(target)


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda app: (app / "main.py").write_text("print(2)\n"),
    "mode bit": lambda app: (app / "main.py").chmod(0o755),
    "symlink target": lambda app: relink(app, "sub/data"),
    "symlink's name": lambda app: (app / "link").replace(app / "other"),
    "name": lambda app: (app / "sub" / "data").rename(app / "sub" / "data2"),
    "place": lambda app: (app / "sub" / "data").rename(app / "data"),
    "new file": lambda app: (app / "new").touch(),
    "new folder": lambda app: (app / "empty").mkdir(),
    "file gone": lambda app: (app / "sub" / "data").unlink(),
    "one byte moved between files": lambda app: (
        (app / "main.py").write_text("print(1)"),
        (app / "sub" / "data").write_bytes(b"\n\0\1"),
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_each_kind_of_change_changes_the_digest(
    root: Path, change: Callable[[Path], object]
) -> None:
    before = digest(root)
    change(root / "app")
    assert digest(root) != before


def test_what_a_build_does_not_see_does_not_change_it(root: Path) -> None:
    before = digest(root)
    os.utime(root / "app" / "main.py", (1, 1))
    (root / "app" / "main.py").chmod(0o640)
    (root / "app" / "sub").chmod(0o700)
    for name in LEFT_OUT:
        (root / "app" / "sub" / name).mkdir()
        (root / "app" / "sub" / name / "x").write_text("x")
    (root / "beside").write_text("x")
    assert digest(root) == before


def test_the_digest_does_not_depend_on_where_the_project_is(root: Path, tmp_path: Path) -> None:
    before = digest(root)
    moved = tmp_path.resolve() / "moved"
    root.rename(moved)
    assert digest(moved) == before


@given(
    st.dictionaries(
        st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=8)
        .filter(lambda name: name not in (".", "..", *LEFT_OUT))
        .filter(lambda name: len(name.encode()) < 200),
        st.binary(max_size=20),
        max_size=4,
    ),
    st.dictionaries(st.sampled_from(["a", "b", "ab"]), st.binary(max_size=4), max_size=3),
)
def test_only_equal_folders_have_equal_digests(
    tmp_path_factory: pytest.TempPathFactory, one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    root = tmp_path_factory.mktemp("pair").resolve()
    for name, files in (("one", one), ("other", other)):
        (root / name).mkdir()
        for file, content in files.items():
            (root / name / file).write_bytes(content)
    ours, theirs = (Contents(root).digest(it, ".", where="test") for it in ("one", "other"))
    equal = ours == theirs
    assert equal == (one == other)


LINKS: dict[str, tuple[str, str, str]] = {
    "to outside": ("out", "/etc/passwd", "leaves the project"),
    "up and out": ("sub/out", "../../../elsewhere", "leaves the project"),
    "dangling, outside": ("out", "/nonexistent", "leaves the project"),
    "dangling, inside": ("out", "none", "leads to nothing"),
    "to itself": ("loop", "loop", "leads to itself"),
    "in a circle": ("loop", "sub/loop", "leads to itself"),
}


@pytest.mark.parametrize(("name", "target", "says"), LINKS.values(), ids=LINKS)
def test_a_symlink_that_leads_nowhere_or_out_is_refused(
    root: Path, name: str, target: str, says: str
) -> None:
    (root / "app" / "sub" / "loop").symlink_to("../loop")
    (root / "app" / name).unlink(missing_ok=True)
    (root / "app" / name).symlink_to(target)
    if name != "loop":
        (root / "app" / "sub" / "loop").unlink()
    with pytest.raises(ConfigError, match=f"the symlink app/.* {says}") as refused:
        digest(root)
    assert refused.value.todo


def test_a_symlink_that_is_left_out_may_lead_anywhere(root: Path) -> None:
    (root / "app" / "out").symlink_to("/etc/passwd")
    (root / "app" / ".dockerignore").write_text("out\n")
    assert "out" not in paths(root, "app", ".")


def test_special_files_are_refused(root: Path) -> None:
    os.mkfifo(root / "app" / "pipe")
    with pytest.raises(ConfigError, match="app/pipe is neither a file"):
        digest(root)


def test_a_link_in_place_of_the_path_is_refused(root: Path) -> None:
    (root / "alias").symlink_to("app")
    for path in ("alias", "al*"):
        with pytest.raises(ConfigError, match="alias is a symlink"):
            digest_of(root, path)


@pytest.mark.parametrize("path", ["..", "../project2", "/etc", "app/../../x"])
def test_a_path_beyond_the_project_is_refused(root: Path, path: str) -> None:
    (root.parent / "project2").mkdir()
    (root.parent / "x").mkdir()
    with pytest.raises(ConfigError, match="leads outside the project"):
        contained(root, path, where="test")


@pytest.mark.parametrize("path", ["none", "app/main.py/x", "loop/x"])
def test_a_path_to_nothing_is_refused(root: Path, path: str) -> None:
    (root / "loop").symlink_to("loop")
    with pytest.raises(ConfigError, match="there is no"):
        contained(root, path, where="test")


def paths(root: Path, folder: str, path: str) -> list[str]:
    return [entry.path for entry in Contents(root).tree(folder, path, where="test").entries]


def test_a_tree_is_sorted_and_says_what_each_entry_is(root: Path) -> None:
    (root / "app" / "run").write_text("")
    (root / "app" / "run").chmod(0o755)
    tree = Contents(root).tree("app", ".", where="test")
    kinds = [(entry.path, entry.kind) for entry in tree.entries]
    assert kinds == [
        ("link", "link"),
        ("main.py", "file"),
        ("run", "executable"),
        ("sub", "folder"),
        ("sub/data", "file"),
    ]
    assert tree.entries[4].digest == hashlib.sha256(b"\0\1").hexdigest()


@pytest.mark.parametrize("path", ["main.py", "sub/data", "sub"])
def test_a_path_that_is_left_out_is_refused(root: Path, path: str) -> None:
    (root / "app" / ".dockerignore").write_text("main.py\nsub\n")
    with pytest.raises(ConfigError, match=f"app/{path} is left out by app/.dockerignore"):
        Contents(root).tree("app", path, where="test")


def test_a_folder_that_is_left_out_is_read_for_what_is_brought_back(root: Path) -> None:
    (root / "app" / ".dockerignore").write_text("*\n!sub/data\n")
    assert paths(root, "app", "sub") == ["sub/data"]
    assert paths(root, "app", "s*") == ["sub/data"]
    assert paths(root, "app", ".") == ["sub/data"]


def test_what_rules_leave_out_changes_no_digest(root: Path) -> None:
    (root / ".dockerignore").write_text("app/*.log\n")
    before = digest(root)
    (root / "app" / "a.log").write_text("x")
    assert digest(root) == before


PATTERNS = {
    "*": ["app", "app/main.py", "app/sub", "app/sub/data"],
    "app/*.py": ["app/main.py"],
    "app/s?b/*": ["app/sub/data"],
    "*/sub": ["app/sub", "app/sub/data"],
    "app[^x]main.py": ["app/main.py"],
    "**/data": [],
}


@pytest.mark.parametrize(("pattern", "expected"), PATTERNS.items())
def test_wildcards_stand_for_what_they_match_and_what_is_in_it(
    root: Path, pattern: str, expected: list[str]
) -> None:
    (root / "app" / "link").unlink()
    if expected:
        assert paths(root, ".", pattern) == expected
    else:
        with pytest.raises(ConfigError, match="nothing matches"):
            paths(root, ".", pattern)


@pytest.mark.parametrize("pattern", ["*.none", "app/[", "app/main.py/*", "[^a]*"])
def test_a_pattern_that_matches_nothing_is_refused(root: Path, pattern: str) -> None:
    with pytest.raises(ConfigError, match="nothing matches"):
        digest_of(root, pattern)


def test_names_need_not_be_utf8(root: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    (root / "app" / name).write_text("x")
    before = digest(root)
    (root / "app" / name).rename(root / "app" / os.fsdecode(b"caf\xea"))
    assert digest(root) != before


def test_a_name_that_is_no_utf8_can_be_told_from_others_in_a_message(root: Path) -> None:
    os.mkfifo(root / "app" / os.fsdecode(b"caf\xe9"))
    with pytest.raises(ConfigError) as refused:
        digest(root)
    assert "app/caf\\xe9 is neither" in refused.value.what


IGNORE_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no UTF-8": (lambda file: file.write_bytes(b"\xff\n"), "app/.dockerignore is not UTF-8"),
    "a folder": (lambda file: file.mkdir(), "cannot read app/.dockerignore"),
    "dangling": (lambda file: file.symlink_to("none"), "there is no app/.dockerignore"),
    "outside": (lambda file: file.symlink_to("/etc/passwd"), "leads outside the project"),
    "no pattern": (lambda file: file.write_text("a\n[\n"), "is no pattern"),
}


@pytest.mark.parametrize(("make", "says"), IGNORE_FILES.values(), ids=IGNORE_FILES)
def test_rules_that_cannot_be_read_are_refused(
    root: Path, make: Callable[[Path], object], says: str
) -> None:
    make(root / "app" / ".dockerignore")
    with pytest.raises(ConfigError, match=says):
        Contents(root).tree("app", ".", where="test")


@pytest.fixture
def open_root(root: Path) -> Iterator[Path]:
    """The project where everybody gets to it; the fixture of pytest's is its user's alone."""
    with tempfile.TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o755)
        yield Path(shutil.copytree(root, Path(temporary).resolve() / "project", symlinks=True))


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """As a user whom permissions hold for."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("rules", ["", "*.none\n"])
@pytest.mark.parametrize("name", ["main.py", "sub", ".dockerignore"])
def test_what_may_not_be_read_is_refused(open_root: Path, name: str, rules: str) -> None:
    (open_root / "app" / ".dockerignore").write_text(rules)
    (open_root / "app" / name).chmod(0)
    with (
        as_nobody(),
        pytest.raises(ConfigError, match=f"cannot read app/{name}: Permission denied") as refused,
    ):
        paths(open_root, "app", ".")
    (open_root / "app" / name).chmod(0o755)
    assert ".dockerignore" in refused.value.todo


def test_what_may_not_be_read_and_is_left_out_is_not_asked_for(open_root: Path) -> None:
    (open_root / "app" / ".dockerignore").write_text("main.py\nsub\n!**/*.md\n")
    (open_root / "app" / "main.py").chmod(0)
    (open_root / "app" / "sub").chmod(0)
    (open_root / "app" / "link").unlink()
    with as_nobody():
        found = paths(open_root, "app", ".")
    (open_root / "app" / "sub").chmod(0o755)
    assert found == [".dockerignore"]


def test_a_file_that_changes_while_it_is_read_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    appending(monkeypatch, root / "app" / "main.py", times=hashing.TRIES)
    with pytest.raises(ConfigError, match=r"app/main\.py changed while it was read"):
        digest(root)


def test_a_file_that_changes_once_is_read_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    appending(monkeypatch, root / "app" / "main.py", times=hashing.TRIES - 1)
    found = Contents(root).tree("app", "main.py", where="test").entries
    content = (root / "app" / "main.py").read_bytes()
    assert content.count(b"#") == hashing.TRIES - 1
    assert found[0].digest == hashlib.sha256(content).hexdigest()


def test_a_file_is_what_it_was_when_it_was_read(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what it was when its folder was looked at, a moment before."""
    read = hashing._read

    def chmodded(path: str) -> object:
        Path(path).chmod(0o755)
        return read(path)

    monkeypatch.setattr(hashing, "_read", chmodded)
    [entry] = Contents(root).tree("app", "main.py", where="test").entries
    assert entry.kind == "executable"


def appending(monkeypatch: pytest.MonkeyPatch, file: Path, times: int) -> None:
    """Somebody writes to a file right after it was opened, so many times."""
    left = iter(range(times))
    opened = hashing._blocks

    def blocks(reader: FileIO, size: int) -> Iterator[bytes]:
        if reader.name == str(file) and next(left, None) is not None:
            with file.open("a") as writer:
                writer.write("#")
        yield from opened(reader, size)

    monkeypatch.setattr(hashing, "_blocks", blocks)


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_vanishes_or_becomes_something_else_is_refused(
    root: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at a folder and the reading of what is in it."""
    file = root / "app" / "main.py"
    read = hashing._read

    def replaced(path: str) -> object:
        if path == str(file):
            file.unlink(missing_ok=True)
            if kind == "folder" and not file.exists():
                file.mkdir()
            elif kind == "link":
                file.symlink_to("sub/data")
        return read(path)

    monkeypatch.setattr(hashing, "_read", replaced)
    with pytest.raises(ConfigError, match=r"app/main\.py changed while it was read"):
        digest(root)
