"""BuildKit itself is asked what a ``.dockerignore`` leaves, and what wildcards of COPY take."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from factory.context import Contents, Ignore, Tree, stage
from factory.errors import ConfigError

pytestmark = pytest.mark.engine

FILES = (
    *("a", "a.txt", "b.txt", "c.md", "ab", "aXb", "a.b", "a+b", "a^b", "^a", "(a)", "$a", "{a}"),
    *("[x]", "x", "]", "a*b", "a?b", "a\\b", "-", "ü.txt", "a b", " lead", "#hash", "!bang", "1"),
    *(".hidden", ".config/x", "docs/readme.md", "docs/a.txt", "docs/api/index.md", "docs/api/a"),
    *("sub/a.txt", "sub/b.txt", "sub/deep/a.txt", "sub/deep/deeper/b.md", "sub/x", "sub/sub/a"),
    *("x1/y", "xzy", "foo/bar/foo", "foo/foo", "barfoo", "foobar/x", "bar/foo/bar/c.md", "n\nl"),
    *("keep/in/side/a.txt", "keep/out/a.txt", "dir.d/x", "a-z/q", "café/a", "x\udcff"),
)
LINKS = {"link": "a.txt", "sub/link": "../docs", "docs/up": "../sub/a.txt"}
EMPTY = ("void", "sub/void")

RULES = (  # but for the mark of a file in ASCII, since engines before 27 can send no other
    "",
    "*",
    "**",
    "**/",
    ".",
    "/",
    "/a.txt\n/sub/",
    "a.txt",
    "*.txt\n!a.txt",
    "**/*.txt",
    "**/a.txt\n!docs",
    "*/a.txt",
    "*/*/a.txt",
    "sub/**",
    "sub/**/a.txt",
    "sub/*\n!sub/deep",
    "sub\n!sub/deep/deeper",
    "sub\n!sub/*/deeper",
    "*\n!sub/*/**",
    "*\n!keep/in",
    "*\n!keep/**/a.txt\nkeep/out",
    "*\n!docs/**",
    "*\n!d*/**\n",
    "**foo",
    "**/foo",
    "foo**",
    "foo**/bar",
    "**/foo/**",
    "**/**/a",
    "***",
    "***/a",
    "f*o",
    "fo?/foo",
    "?",
    "[a-c]*",
    "[^a-c]*",
    "[!a]*",
    "x[^q]y",
    "x1[^q]y",
    "[[]x]",
    "\\[x]",
    "a\\*b",
    "a\\?b",
    "a[\\]^]b",
    "a\\\\b",
    "a^b",
    "^a",
    "^a*",
    "(a)\n$a\n{a}\na+b\na.b",
    "a.?",
    "\ufeffa.txt\nb.txt",
    "# a.txt\n#hash\n\\#hash",
    " # a.txt\n b.txt \n\tc.md\t",
    "\\!bang",
    "!bang\n*",
    "*\n!!bang",
    "*\n! docs",
    "*\n!/docs/",
    "a.txt\r\nb.txt\r\n",
    "a.txt\x0c\n\x0bb.txt",
    "./a.txt\n././b.txt\nsub/../c.md\n../x\n//docs//api/",
    "a b",
    "?.txt\ncaf?/a",
    "x?",
    "n*",
    "n**l",
    "docs/a.txt\n!docs",
    "docs\n!docs\ndocs/api",
    "docs/api\n!docs\n!docs/api/a",
    "*\n!sub\nsub/deep\n!sub/deep/deeper/b.md",
    "sub/*/a.txt\n!sub/deep",
    ".*\n!.config",
    ".dockerignore",
    "void\nsub/void",
    "link\n**/link\ndocs/up",
    "**/deep*/**\n!**/*.md",
    "*\n!**/*.md",
    "*\n!**/void",
    "]",
    "-\n[a-z]-[a-z]",
    "a.txt \n!a.txt\na.txt/.",
)
REFUSED = (
    "[",
    "[[]x[]]",
    "a[",
    "[]",
    "[]a]",
    "[-a]",
    "[a-]",
    "a\\",
    "!",
    "a.txt\n!\n",
    "!/",
    "[z-a]*",
    "\\q*",
)

AT_ONCE = 30
"""Contexts of one build: each is sent by itself, and a busy engine gives up on too many."""

COPIES = {  # as it is written in a Dockerfile, and the path that this stands for
    "[a-d]*": "[a-d]*",
    "a*": "a*",
    "*.txt": "*.txt",
    "*/*.txt": "*/*.txt",
    "*/a.txt": "*/a.txt",
    "sub/*/*": "sub/*/*",
    "sub/d*": "sub/d*",
    "[a-c].txt": "[a-c].txt",
    "[^a].txt": "[^a].txt",
    "x1[^q]y": "x1[^q]y",
    "foo*": "foo*",
    "**/foo": "**/foo",
    "d?cs": "d?cs",
    "?.md": "?.md",
    ".h*": ".h*",
    "[[]x]": "[[]x]",
    "docs": "docs",
    "docs/*": "docs/*",
    "sub/deep/": "sub/deep",
    "ca*/a": "ca*/a",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contexts").resolve()


def write_context(folder: Path, rules: str) -> Path:
    """A tree in which no two files are equal."""
    folder.mkdir()
    for name in EMPTY:
        (folder / name).mkdir(parents=True)
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(os.fsencode(name))
    for name, target in LINKS.items():
        (folder / name).symlink_to(target)
    (folder / ".dockerignore").write_bytes(rules.encode())
    return folder


def exported(
    dockerfile: Sequence[str], contexts: Mapping[str, Path], out: Path, main: Path
) -> subprocess.CompletedProcess[str]:
    """Have BuildKit copy what it takes from contexts to a folder."""
    options = ["--builder=default", "--provenance=false", f"--output=type=local,dest={out}"]
    options += [f"--build-context={name}={path}" for name, path in contexts.items()]
    return subprocess.run(
        ["docker", "buildx", "build", *options, "--file=-", str(main)],
        input="\n".join(("FROM scratch", *dockerfile)),
        env=os.environ | {"BUILDX_GIT_INFO": "0"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def on_disk(folder: Path) -> set[str]:
    """Everything below a folder; folders end in a slash."""
    found = set()
    for place, folders, files in os.walk(folder):
        here = os.path.relpath(place, folder)
        names = [*files, *(f"{it}/" for it in folders if not Path(place, it).is_symlink())]
        names += [it for it in folders if Path(place, it).is_symlink()]
        found |= {os.path.normpath(f"{here}/{it}") + "/" * it.endswith("/") for it in names}
    return found


def in_tree(tree: Tree) -> set[str]:
    """The same of a tree of ours, with the folders that lead to what is kept."""
    found = set()
    for entry in tree.entries:
        found.add(f"{entry.path}/" if entry.kind == "folder" else entry.path)
        found |= {f"{above}/" for above in Path(entry.path).parents if str(above) != "."}
    return found


def compare(root: Path, name: str, rule_sets: Sequence[str]) -> None:
    folders = {f"c{at}": f"{name}-{at}" for at in range(len(rule_sets))}
    for folder, rules in zip(folders.values(), rule_sets, strict=True):
        write_context(root / folder, rules)
    copies = [f"COPY --from={context} . /{context}/" for context in folders]
    paths = {context: root / folder for context, folder in folders.items()}
    done = exported(copies, paths, root / f"{name}-out", root / folders["c0"])
    assert done.returncode == 0, done.stderr
    contents = Contents(root)
    wrong = {}
    for (context, folder), rules in zip(folders.items(), rule_sets, strict=True):
        ours = in_tree(contents.tree(folder, ".", where="test"))
        theirs = on_disk(root / f"{name}-out" / context)
        if ours != theirs:
            wrong[rules] = {"only ours": ours - theirs, "only theirs": theirs - ours}
    assert not wrong


def test_written_rules_leave_what_buildkit_leaves(root: Path) -> None:
    for batch, at in enumerate(range(0, len(RULES), AT_ONCE)):
        compare(root, f"written{batch}", RULES[at : at + AT_ONCE])


def test_any_rules_leave_what_buildkit_leaves(root: Path) -> None:
    rules = list(any_rules(120))
    for batch, at in enumerate(range(0, len(rules), AT_ONCE)):
        compare(root, f"any{batch}", rules[at : at + AT_ONCE])


def any_rules(count: int) -> Iterator[str]:
    """Rules at random, always the same ones; those that we refuse are left to another test."""
    dice = random.Random(4)
    pieces = ["*", "**", "?", "a", "sub", "deep", "docs", "foo", "keep", "/", "/", "/", ".txt"]
    pieces += ["[a-f]", "[^k]", "\\*", "x", "b", ".md", "in", "^"]
    while count:
        texts = [
            "".join(dice.choices(pieces, k=dice.randint(1, 5))) for _ in range(dice.randint(1, 5))
        ]
        rules = "\n".join(dice.choice(("", "", "!")) + text for text in texts)
        with contextlib.suppress(ConfigError):
            Ignore.of(rules)
            yield rules
            count -= 1


@pytest.mark.parametrize("rules", REFUSED)
def test_rules_that_buildkit_refuses_are_refused(rules: str, tmp_path: Path) -> None:
    context = write_context(tmp_path.resolve() / "context", rules)
    done = exported(["COPY . /"], {}, tmp_path / "out", context)
    assert done.returncode != 0
    with pytest.raises(ConfigError, match="is no pattern"):
        Contents(context.parent).tree("context", ".", where="test")


def contents_of(folder: Path) -> set[bytes]:
    """As no two files are equal, these tell which of several files of one name was copied."""
    return {it.read_bytes() for it in folder.rglob("*") if it.is_file()}


def test_wildcards_of_copy_take_what_buildkit_takes(root: Path) -> None:
    context = write_context(root / "wild", "keep/out\n*.md\n!c.md\n")
    for link in LINKS:  # BuildKit follows those that a wildcard matches; the factory refuses them
        (context / link).unlink()
    copies = [f'COPY ["{it}", "/{at}/"]' for at, it in enumerate(COPIES)]
    done = exported(copies, {}, root / "wild-out", context)
    assert done.returncode == 0, done.stderr
    staged = [f'COPY --from=s{at} ["{it}", "/{at}/"]' for at, it in enumerate(COPIES)]
    trees = [Contents(root).tree("wild", path, where="test") for path in COPIES.values()]
    for at, tree in enumerate(trees):
        stage(context, tree, root / f"stage-{at}")
    stages = {f"s{at}": root / f"stage-{at}" for at in range(len(COPIES))}
    again = exported(staged, stages, root / "staged-out", root / "stage-0")
    assert again.returncode == 0, again.stderr
    for at, (written, tree) in enumerate(zip(COPIES, trees, strict=True)):
        theirs = root / "wild-out" / str(at)
        from_stage = root / "staged-out" / str(at)
        assert on_disk(theirs) == on_disk(from_stage), written
        assert contents_of(theirs) == contents_of(from_stage), written
        names = {Path(entry.path).name for entry in tree.entries if entry.kind == "file"}
        assert names == {it.name for it in theirs.rglob("*") if it.is_file()}, written
