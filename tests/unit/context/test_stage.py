"""Builds get a private copy of what was digested, or nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.context import Contents, Tree, stage
from factory.errors import BuildError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "project"
    (folder / "app" / "sub" / "empty").mkdir(parents=True)
    (folder / "app" / "main.py").write_text("print(1)\n")
    (folder / "app" / "main.py").chmod(0o600)
    (folder / "app" / "run").write_text("run\n")
    (folder / "app" / "run").chmod(0o700)
    (folder / "same").write_text("run\n")
    (folder / "app" / "sub" / "link").symlink_to("../main.py")
    (folder / "app" / "notes.md").write_text("left out\n")
    (folder / ".dockerignore").write_text("**/*.md\n")
    return folder


def tree_of(root: Path, path: str = "app") -> Tree:
    return Contents(root).tree(".", path, where="test")


def test_a_copy_has_all_of_the_tree_and_nothing_else(root: Path, tmp_path: Path) -> None:
    stage(root, tree_of(root), tmp_path / "copy")
    assert tree_of(tmp_path.resolve() / "copy") == tree_of(root)
    assert not (tmp_path / "copy" / "app" / "notes.md").exists()
    assert (tmp_path / "copy" / "app" / "sub" / "link").readlink() == Path("../main.py")


def test_modes_are_those_that_git_keeps(root: Path, tmp_path: Path) -> None:
    (root / "app" / "sub").chmod(0o700)
    stage(root, tree_of(root), tmp_path / "copy")
    modes = {
        name: (tmp_path / "copy" / "app" / name).stat().st_mode & 0o777
        for name in ("main.py", "run", "sub", "sub/empty")
    }
    assert modes == {"main.py": 0o644, "run": 0o755, "sub": 0o755, "sub/empty": 0o755}


def test_several_trees_make_one_copy(root: Path, tmp_path: Path) -> None:
    for path in ("app/sub", "app/main.py", "app/sub"):
        stage(root, tree_of(root, path), tmp_path / "copy")
    assert sorted(it.name for it in (tmp_path / "copy" / "app").iterdir()) == ["main.py", "sub"]


def test_the_copy_is_no_link_to_the_original(root: Path, tmp_path: Path) -> None:
    stage(root, tree_of(root), tmp_path / "copy")
    (root / "app" / "main.py").write_text("print(2)\n")
    assert (tmp_path / "copy" / "app" / "main.py").read_text() == "print(1)\n"


def become(path: Path, make: Callable[[Path], object]) -> None:
    """Put something else in the place of a file, a link or an empty folder."""
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink()
    make(path)


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda app: (app / "main.py").write_text("print(2)\n"),
    "a file gone": lambda app: (app / "main.py").unlink(),
    "a folder for a file": lambda app: become(app / "run", Path.mkdir),
    "a file for a folder": lambda app: become(app / "sub" / "empty", Path.touch),
    "a folder gone": lambda app: (app / "sub" / "empty").rmdir(),
    "a link elsewhere": lambda app: become(
        app / "sub" / "link", lambda link: link.symlink_to("../run")
    ),
    "a file for a link": lambda app: become(app / "sub" / "link", Path.touch),
    "a pipe for a file": lambda app: become(app / "run", os.mkfifo),
    "a link to the same for a file": lambda app: become(
        app / "run", lambda link: link.symlink_to(app.parent / "same")
    ),
    "executable no more": lambda app: (app / "run").chmod(0o600),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_not_as_it_was_digested_is_refused(
    root: Path, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    tree = tree_of(root)
    change(root / "app")
    with pytest.raises(BuildError, match="changed after it was read"):
        stage(root, tree, tmp_path / "copy")
