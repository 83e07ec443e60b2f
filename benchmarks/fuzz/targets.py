"""What reads input of others, each with the input that is made up for it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from benchmarks.fuzz import files, projects
from benchmarks.fuzz.judge import EscapedError, Ground, Target
from benchmarks.fuzz.strategies import DOCKERFILES, ODD, PAYLOADS, documents
from factory import archive
from factory.context.ignore import Ignore
from factory.context.patterns import BadPattern, copy_pattern
from factory.dockerfile import annotated, canonical, inputs_of, parse, pin, unpinned, unseen
from factory.errors import FactoryError
from factory.ledger import Ledger
from factory.lock.lines import check_lines, wishes_of
from factory.matrix import select
from factory.model import BASES_LOCK, Build, Cell, Selection, parse_lock
from factory.registry import reference
from factory.scan.database import load as load_database


def _matrix(raw: bytes, ground: Ground) -> None:
    _planned_with(ground, "matrix.yaml", raw)


def _image(raw: bytes, ground: Ground) -> None:
    _planned_with(ground, projects.IMAGE_FILE, raw)


def _planned_with(ground: Ground, path: str, raw: bytes) -> None:
    file = ground.root / path
    before = file.read_bytes()
    try:
        file.write_bytes(raw)
        projects.planned(ground.root)
    finally:
        file.write_bytes(before)


_PLACES = (
    *("matrix.yaml", "images", "images/demo", projects.IMAGE_FILE, "images/other"),
    *("images/demo/app", "images/demo/app/main.py", "images/demo/app/new", "images/demo/app/a/b"),
    *("images/demo/requirements.txt", "images/demo/install.sh", "images/demo/checks.py"),
    *("images/demo/.dockerignore", "images/demo/app/.dockerignore", "images/demo/locks"),
    *("dockerfiles", "dockerfiles/macros.j2", "dockerfiles/app.Dockerfile.j2"),
    *("dockerfiles/locks", "dockerfiles/locks/base", "dockerfiles/new.j2", BASES_LOCK),
    *("dockerfiles/.dockerignore", "images/demo/locks/2.60.0-py311-cpu-a.txt"),
)
_LINKS = (
    *(
        "BESIDE",
        "BESIDE/secret.j2",
        "BESIDE/image.yaml",
        "BESIDE/none",
        "/",
        "/etc/passwd",
        "..",
        ".",
    ),
    *("../../beside", "../../../beside/secret.j2", "../beside/image.yaml", "itself", "~", "$HOME"),
    *("/dev/zero", "/dev/tty", "/proc/self/mem", "main.py", "checks.py", "app", "none", "a\nb"),
)
_SPOILS = st.lists(
    st.tuples(
        st.sampled_from(_PLACES),
        st.sampled_from(("link",) * 6 + ("pipe", "folder", "file", "gone")),
        st.one_of(
            st.sampled_from(_LINKS), st.sampled_from(PAYLOADS).filter(lambda it: "\0" not in it)
        ),
    ),
    min_size=1,
    max_size=2,
)


def _tree(spoils: list[tuple[str, str, str]], ground: Ground) -> None:
    projects.lay(ground.root)
    try:
        for place, how, to in spoils:
            target = to.replace("BESIDE", str(ground.beside))
            with suppress(OSError, RuntimeError):  # too long a name, or a link in the way
                projects.put(ground.root, place, how, target)
        projects.planned(ground.root)
    finally:
        projects.lay(ground.root)


_WORDS = st.one_of(
    st.none(),
    st.sampled_from(
        ("demo", "cpu", "3.11", "2.60.0", "*", "demo:*", "2.60*", "[", "[!]", "*a" * 200)
    ),
    st.sampled_from(PAYLOADS),
    st.text(max_size=8),
)
_GLOBS = st.lists(_WORDS.filter(lambda word: word is not None), max_size=2).map(tuple)
_SELECTIONS = st.builds(
    Selection,
    variant=_WORDS,
    python=_WORDS,
    ray=_WORDS,
    rllib=st.sampled_from((None, True, False)),
    image=_WORDS,
    only=_GLOBS,
    skip=_GLOBS,
)
_FEWER = st.tuples(_SELECTIONS, st.sets(st.sampled_from(tuple(Selection.__dataclass_fields__))))
_BUILDS = tuple(
    Build(image=name, cell=Cell(python="3.11", ray=ray, device="cpu"))
    for name in ("demo", "base")
    for ray in ("2.60.0", "2.55.1")
)


def _selectors(drawn: tuple[Selection, set[str]], _ground: Ground) -> None:
    wanted, kept = drawn
    none = Selection()
    left = {
        name: getattr(none, name) for name in Selection.__dataclass_fields__ if name not in kept
    }
    if not select(_BUILDS, replace(wanted, **left)):
        raise EscapedError("nothing was selected, and nothing said so")


_REFERENCES = st.one_of(
    st.sampled_from(PAYLOADS),
    st.lists(
        st.sampled_from(
            (
                *("a", "docker.io", "localhost", ":", "5000", "/", "@", "sha256:" + "0" * 64, "é"),
                *("127.0.0.1", "::1", "[::1]", "%", "..", "٣", "]", "[", ":latest", "x" * 900),
            )
        ),
        max_size=7,
    ).map("".join),
    st.text(max_size=20),
)


def _references(text: str, _ground: Ground) -> None:
    place = reference.locate(text)
    if not place.url.startswith(("http://", "https://")) or (
        place.url.startswith("http://") and not reference.is_loopback(place.host)
    ):
        raise EscapedError(f"{text!r} leads to {place.url!r}")
    name, tag = reference.split_tag(text)
    if "/" in tag or (tag != "latest" and f"{name}:{tag}" != text):
        raise EscapedError(f"{text!r} is taken for {name!r} and {tag!r}")
    reference.place(name, tag)


def _dockerfile(text: str, _ground: Ground) -> None:
    instructions = parse(text)
    found = inputs_of(instructions, {"dockerfiles"})
    unseen(instructions)
    moving = unpinned(found)
    pins = {one.name: ("f" * 40 if one.repository else "sha256:" + "0" * 64) for one in moving}
    pinned = pin(text, instructions, moving, pins)
    again = parse(annotated(pinned, instructions, epoch="2026-11", step="app:demo"))
    ours = sum(each.keyword in ("LABEL", "ARG") for each in again)
    theirs = sum(each.keyword in ("LABEL", "ARG") for each in instructions)
    if len(again) - ours != len(instructions) - theirs:
        raise EscapedError("other instructions are in it once it is pinned and annotated")
    list(canonical(again))


def _ledger(drawn: tuple[Any, ...], ground: Ground) -> None:
    file = ground.root.parent / "state" / "ledger.sqlite"
    files.write_ledger(file, *drawn)
    with Ledger.open(file) as ledger:
        ledger.records()
        ledger.pair_records()
        ledger.expected()
        ledger.made()
        ledger.traced()
        ledger.all_begun()
        for key in ("k", "a"):
            ledger.chain(key)
            ledger.content(key)
            ledger.parts(key)
            ledger.built(key)
        for gate in files.GATES:
            ledger.latest_verdict(gate, "c")
        ledger.releases("demo:x")


def _archive(raw: bytes, _ground: Ground) -> None:
    found = archive.ends([raw[at : at + 700] for at in range(0, len(raw), 700)])
    for name in found:
        if name.startswith("/") or ".." in Path(name).parts or not name.isprintable():
            raise EscapedError(f"a file is called {name!r}")
    try:
        archive.document([raw], "sha256:aa")
    except FactoryError:
        if not found:
            raise


def _database(drawn: tuple[bytes, int], ground: Ground) -> None:
    source = ground.root.parent / "source.tar.gz"
    source.write_bytes(files.zipped(*drawn))
    cache = ground.root.parent / "trivy"
    load_database(cache, source)
    there = {path.name for path in (cache / "db").iterdir()}
    if there != {"trivy.db", "metadata.json"} or any(map(Path.is_symlink, cache.rglob("*"))):
        raise EscapedError(f"{sorted(there)} came of a database")


_PATTERNS = st.lists(
    st.sampled_from(
        (
            *("*", "**", "/", "a", "b", "?", "[a-c]", "[^a]", "[", "]", "!", "\\", "#", " ", ".."),
            *("\n", "^", "é", "\0", "*a" * 30, "**/a" * 30, "$", "(", "+", "{", "~"),
        )
    ),
    max_size=9,
).map("".join)


def _patterns(drawn: tuple[str, str], _ground: Ground) -> None:
    text, path = drawn
    with suppress(BadPattern):  # who asks for a file by it is told so
        copy_pattern(text).fullmatch(path)
    rules = Ignore.of(text)
    for one in (path, "a" * 250, "a/" * 120 + "b"):
        rules.leaves_out(one)


_LOCK = "# asked: " + "0" * 64 + "\n# c\na==1.0 \\\n    --hash=sha256:" + "1" * 64 + "\n"
_LISTED = "# of: sha256:" + "0" * 64 + "\na==1.0\n"
_LOCK_LINES = st.sampled_from(
    (
        *("a==1\n", "b===2+cpu\n", "    --hash=sha256:" + "1" * 64 + "\n", " \\\n", "# x\n"),
        *("-e .\n", "--index-url https://me:owned@h.example\n", "-r /etc/passwd\n", "\x0c"),
        *("a @ file:///etc/passwd\n", "a" + "==1  " * 60 + "$\n", "<<<<<<<\n", "~/x.whl\n"),
        *("a[x,y]>=1,<2 ; python_version > '3' # c\n", "../x.whl\n", "${HOME}\n", "é==1\n"),
    )
)
_LOCKS = st.builds(
    lambda head, lines, tail: head + "".join(lines) + tail,
    st.sampled_from((_LOCK, _LOCK, _LISTED, _LOCK[:60], "", "", "# asked: " + "0" * 64 + "\n")),
    st.lists(_LOCK_LINES, max_size=4),
    st.one_of(st.just(""), st.text(max_size=6)),
)


def _locks(text: str, _ground: Ground) -> None:
    wishes_of(text.splitlines())
    held = parse_lock(text, "locks/x.txt") if text.startswith("#") else None
    if held and parse_lock(held.text(), "locks/x.txt") != held:
        raise EscapedError("a lock is another once it is written")
    if not held:
        check_lines(text.splitlines(), "requirements.txt")


_BASE_NAMES = st.sampled_from(("a", "docker.io/rayproject/ray:2.60.0-py311-cpu", *PAYLOADS))
_DIGEST = st.just("sha256:" + "0" * 64)
_PINS = st.one_of(
    st.dictionaries(_BASE_NAMES, _DIGEST, max_size=3),
    st.dictionaries(_BASE_NAMES, st.one_of(_DIGEST, _DIGEST, _DIGEST, ODD), max_size=3),
    ODD,
)


def _bases(drawn: object, ground: Ground) -> None:
    import json

    file = ground.root / BASES_LOCK
    projects.put(ground.root, BASES_LOCK, "file", json.dumps(drawn))
    try:
        projects.planned(ground.root)
    finally:
        file.unlink()


TARGETS: tuple[Target, ...] = (
    Target("matrix", documents(projects.GOOD_MATRIX), _matrix, 16),
    Target(
        "image",
        st.one_of(documents(projects.GOOD_IMAGE), documents(projects.GOOD_GIT)),
        _image,
        14,
    ),
    Target("tree", _SPOILS, _tree, 6),
    Target("selectors", _FEWER, _selectors, 10),
    Target("references", _REFERENCES, _references, 9),
    Target("dockerfile", DOCKERFILES, _dockerfile, 15),
    Target("ledger", files.ledgers(), _ledger, 5),
    Target("archive", files.archives(), _archive, 7),
    Target("database", st.tuples(files.archives(), st.integers(1, 9)), _database, 3),
    Target("patterns", st.tuples(_PATTERNS, _PATTERNS), _patterns, 7),
    Target("locks", _LOCKS, _locks, 6),
    Target("bases", _PINS, _bases, 2),
)
