"""Of layers it is told which files they add, change and delete: all of them, in a few lines."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.model import FileCounts, FileDifference, NotedFile
from factory.scan import changes
from factory.scan.changes import MOST_LINES, MOST_NOTED, Sheet
from factory.scan.tree import Entry, Kind, Tree

FOLDER = Entry(kind=Kind.FOLDER, mode=0o755)
GONE = Entry(kind=Kind.FILE)
"""What stands for a whiteout: only its name counts."""

Layer = Iterable[tuple[str, Entry]]


def file(size: int = 1, *, mode: int = 0o644, uid: int = 1000, time: int = 1) -> Entry:
    return Entry(kind=Kind.FILE, size=size, mode=mode, uid=uid, time=time)


def found(own: Sequence[Layer], above: Sequence[Layer], tree: Tree | None = None) -> FileDifference:
    sheet = Sheet(tree)
    for layer in own:
        sheet.layer(layer, shared=True)
    for layer in above:
        sheet.layer(layer, shared=False)
    return sheet.difference(on_own=True)


def lines(difference: FileDifference) -> dict[str, FileCounts]:
    return {one.path: one.counts for one in difference.lines}


OWN = [
    ("home/", FOLDER),
    ("home/ray/", FOLDER),
    ("home/ray/a", file(10)),
    ("home/ray/lib/", FOLDER),
    ("home/ray/lib/one", file(100)),
    ("home/ray/lib/two", file(200)),
]


def test_each_kind_of_difference_is_told_by_itself() -> None:
    above = [
        ("home/ray/", FOLDER),  # a parent of what differs is no difference
        ("home/ray/a", file(12)),
        ("home/ray/new", file(5)),
        ("home/ray/lib/", FOLDER),
        ("home/ray/lib/.wh.one", GONE),
        ("home/ray/lib/two", file(200, mode=0o600)),
    ]
    difference = found([OWN], [above])
    assert lines(difference) == {
        "/home/ray/a": FileCounts(changed=1, new_bytes=12, old_bytes=10),
        "/home/ray/new": FileCounts(added=1, new_bytes=5),
        "/home/ray/lib/one": FileCounts(deleted=1, old_bytes=100),
        "/home/ray/lib/two": FileCounts(attributes=1, new_bytes=200, old_bytes=200),
    }
    total = FileCounts(added=1, changed=1, deleted=1, attributes=1, new_bytes=217, old_bytes=310)
    assert (difference.total, difference.shared, difference.layers) == (total, 1, 1)


def test_a_file_whose_owner_and_content_differ_counts_as_changed() -> None:
    difference = found([OWN], [[("home/ray/a", file(10, uid=0, time=2))]])
    assert difference.total == FileCounts(changed=1, new_bytes=10, old_bytes=10)


def test_a_folder_of_another_owner_is_told_and_one_that_is_empty_counts() -> None:
    above = [("home/ray/lib/", FOLDER._replace(uid=7)), ("data/", FOLDER)]
    assert lines(found([OWN], [above])) == {
        "/home/ray/lib/": FileCounts(attributes=1),
        "/data/": FileCounts(added=1),
    }


def test_what_is_new_or_gone_as_a_whole_is_one_line() -> None:
    package = [(f"home/ray/lib/new/{at}/f", file(1)) for at in range(100)]
    above = [*package, ("home/ray/.wh.lib", GONE), ("home/ray/lib/", FOLDER)]
    above.reverse()  # what a layer takes away was never put there by itself, in whatever order
    difference = found([OWN], [above])
    assert lines(difference) == {
        "/home/ray/lib/new/": FileCounts(added=100, new_bytes=100),
        "/home/ray/lib/one": FileCounts(deleted=1, old_bytes=100),
        "/home/ray/lib/two": FileCounts(deleted=1, old_bytes=200),
    }
    assert lines(found([OWN], [[("home/.wh.ray", GONE)]])) == {
        "/home/ray/": FileCounts(deleted=3, old_bytes=310)
    }


def test_an_opaque_folder_hides_what_was_in_it_and_keeps_what_its_own_layer_brings() -> None:
    above = [("home/ray/lib/new", file(1)), ("home/ray/lib/.wh..wh..opq", GONE)]
    assert found([OWN], [above]).total == FileCounts(added=1, new_bytes=1, deleted=2, old_bytes=300)


def test_a_file_in_the_place_of_a_folder_hides_what_was_in_that() -> None:
    total = found([OWN], [[("home/ray/lib", file(7))]]).total
    assert total == FileCounts(changed=1, new_bytes=7, deleted=2, old_bytes=300)


def test_what_a_later_layer_takes_back_is_no_difference_but_a_login_is_still_in_the_image() -> None:
    above = [
        [("home/ray/.netrc", file(30)), ("home/ray/x", file(1))],
        [("home/ray/.wh..netrc", GONE), ("home/ray/.wh.x", GONE)],
    ]
    difference = found([OWN], above)
    assert difference.total == FileCounts()
    assert difference.lines == ()
    why = "logins of hosts"
    note = NotedFile(path="/home/ray/.netrc", why=why, size=30, hidden=True)
    assert difference.noted == (note,)


def test_what_the_cells_own_layers_hide_from_each_other_is_not_there_before() -> None:
    own = [OWN, [("home/ray/.wh.lib", GONE)]]
    assert found(own, [[("home/ray/lib/one", file(9))]]).total == FileCounts(added=1, new_bytes=9)


def test_noise_is_counted_by_what_it_is_and_beside_the_lines() -> None:
    above = [
        ("home/ray/lib/__pycache__/one.cpython-311.pyc", file(50)),
        ("tmp/x/y", file(7)),
        ("home/ray/.cache/pip/http/z", file(9)),
        ("var/lib/apt/lists/deb", file(3)),
        ("home/ray/kept", file(2)),
    ]
    difference = found([OWN], [above])
    assert set(lines(difference)) == {"/home/ray/kept"}
    assert {what: one.new_bytes for what, one in difference.noise.items()} == {
        "compiled Python": 50,
        "temporary files": 7,
        "caches": 9,
        "lists of apt": 3,
    }
    assert difference.total.new_bytes == 71


def test_a_privilege_is_noted_where_it_is_new() -> None:
    own = [("bin/su", file(1, mode=0o4755, uid=0)), ("bin/sh", file(1, mode=0o755, uid=0))]
    above = [
        ("bin/su", file(2, mode=0o4755, uid=0)),
        ("bin/sh", file(1, mode=0o4755, uid=0)),
        ("bin/back", file(1, mode=0o4755, uid=0)),
        ("bin/ping", file()._replace(capable=True)),
        ("disk", Entry(kind=Kind.DEVICE)),
        ("dev/null", Entry(kind=Kind.DEVICE)),
        ("bin/folder", FOLDER._replace(mode=0o2755)),
    ]
    then = [("bin/back", file(1, mode=0o755))]
    noted = {one.path: one.why for one in found([own], [above, then]).noted}
    assert noted == {
        "/bin/sh": "runs as root",
        "/bin/ping": "has capabilities",
        "/disk": "a device",
    }


def test_more_than_fits_is_told_by_folders_that_together_are_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(changes, "MOST_LINES", 4)
    own = [(f"lib/{name}/{at}", file(1)) for name in "abcdefgh" for at in range(9)]
    above = [(name, file(2)) for name, _ in own] + [("lib/a/0", file(10**6)), ("etc/x", file(3))]
    difference = found([own], [above])
    assert [(one.path, one.counts.files, one.rest) for one in difference.lines] == [
        ("/lib/a/0", 1, False),
        ("/lib/", 63, True),
        ("/lib/a/", 8, True),
        ("/etc/x", 1, False),
    ]


def test_where_all_is_new_it_is_told_apart_like_anything_else() -> None:
    above = [(f"home/ray/{at % 40}/{at}", file(at)) for at in range(400)]
    told = found([], [above]).lines
    assert len(told) == MOST_LINES
    assert {one.path for one in told if one.rest} >= {"/home/ray/"}


def test_ten_thousand_files_of_a_package_are_a_line() -> None:
    above = [(f"lib/foo/{at % 200}/{at}", file(1000)) for at in range(10_000)]
    difference = found([[("lib/bar", file())]], [above])
    assert lines(difference) == {"/lib/foo/": FileCounts(added=10_000, new_bytes=10_000_000)}


def test_noted_files_are_listed_up_to_a_number_and_then_counted() -> None:
    above = [(f"home/{at}/.netrc", file()) for at in range(MOST_NOTED + 7)]
    difference = found([], [above])
    assert (len(difference.noted), difference.noted_beyond) == (MOST_NOTED, 7)


@pytest.mark.parametrize(
    "name",
    [
        *("../up", "a/../../up", "a/..", "x" * 256, "a/" * 3000, "a\0b", "a/.wh.", "a/.wh..."),
        "a/.wh..",
    ],
)
def test_a_name_that_no_file_can_have_is_counted_and_nothing_else(name: str) -> None:
    difference = found([OWN], [[(name, file())]])
    assert (difference.odd, difference.total) == (1, FileCounts())


def test_a_path_from_the_root_is_the_same_as_one_without() -> None:
    above = [("/home/ray/a", file(11)), ("./home//ray/./new", file()), ("./", FOLDER), ("", FOLDER)]
    assert set(lines(found([OWN], [above]))) == {"/home/ray/a", "/home/ray/new"}


def test_what_is_shown_can_do_nothing_to_a_terminal() -> None:
    above = [("\x1b[31mred\x1b]0;t\x07/\u202e.netrc\udc80\n", file()), ("b/.netrc", file())]
    difference = found([OWN], [above])
    shown = [*lines(difference), *(one.path for one in difference.noted)]
    assert all(path.isprintable() for path in shown)
    assert "/b/.netrc" in shown
    "".join(shown).encode()  # halves of characters could not be


def test_as_many_entries_are_kept_as_there_is_room_for_and_the_rest_is_counted() -> None:
    above = [(f"a/{at}", file()) for at in range(100)] + [("a/0", file(5)), ("b/.netrc", file())]
    difference = found([], [above], Tree(most=11))
    assert difference.total == FileCounts(added=10, new_bytes=14)
    assert difference.beyond == 91
    assert [one.path for one in difference.noted] == ["/b/.netrc"], "it is noted all the same"


def test_a_layer_that_takes_the_same_folder_away_for_ever_is_read_in_a_moment() -> None:
    own = [(f"a/{at}", file()) for at in range(20_000)]
    began = time.monotonic()
    difference = found([own], [[(".wh.a", GONE)] * 20_000 + [("a/.wh..wh..opq", GONE)] * 20_000])
    assert difference.total.deleted == 20_000
    assert time.monotonic() - began < 20  # by its files for each, it would be an hour


def test_folders_may_be_as_deep_as_a_path_can_be_long() -> None:
    deep = "a/" * 2000 + "b"
    assert found([[(deep, file())]], [[(".wh.a", GONE)]]).total.deleted == 1
    [line] = found([OWN], [[(deep, file())]]).lines
    assert len(line.path) <= 400


# What layers leave of each other, by a slow way of its own.

NAMES = st.sampled_from("abc")
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
OPERATIONS = st.tuples(st.sampled_from(("file", "folder", "gone", "opaque")), PATHS)
LAYERS = st.lists(st.lists(OPERATIONS, max_size=6), min_size=1, max_size=4)


def within(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")


def files_of(layers: list[list[tuple[str, str]]]) -> set[str]:
    there: set[str] = set()
    for layer in layers:
        gone = [path for what, path in layer if what == "gone"]
        hidden = [path for what, path in layer if what in ("gone", "opaque", "file")]
        there = {one for one in there if one not in gone}
        there = {one for one in there if not any(within(one, path) for path in hidden)}
        for what, path in layer:
            if what == "file":
                there.add(path)
            if what == "folder":
                there.discard(path)
    return there


def sensible(layer: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without what no layer has: two entries of a path, or something within a file."""
    put: dict[str, str] = {}
    for what, path in layer:
        if what in ("file", "folder"):
            put.setdefault(path, what)
    put = {
        path: what
        for path, what in put.items()
        if not any(within(path, other) and put[other] == "file" for other in put)
    }
    return [(what, path) for path, what in put.items()] + [
        one for one in layer if one[0] in ("gone", "opaque")
    ]


def entry(what: str, path: str, size: int) -> tuple[str, Entry]:
    folder, _, name = path.rpartition("/")
    return {
        "file": (path, file(size)),
        "folder": (path, FOLDER),
        "gone": (f"{folder}/.wh.{name}", GONE),
        "opaque": (f"{path}/.wh..wh..opq", GONE),
    }[what]


def kept(tree: Tree) -> tuple[set[str], set[str]]:
    """The files that were there before, and that are there now."""
    nodes = tree.resolved()
    before = {"/".join(one.parts) for one in nodes if one.before and one.before.kind is Kind.FILE}
    return before, {"/".join(one.parts) for one in nodes if one.now and one.now.kind is Kind.FILE}


@given(LAYERS, st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_what_layers_leave_of_each_other_is_what_a_slow_way_finds(
    drawn: list[list[tuple[str, str]]], shared: int
) -> None:
    layers = [sensible(layer) for layer in drawn]
    tree = Tree()
    for at, layer in enumerate(layers):
        if at == shared:
            tree.settle()
        for what, path in layer:
            tree.take(*entry(what, path, at))
        tree.next_layer()
    before = files_of(layers[:shared]) if shared < len(layers) else set()
    assert kept(tree) == (before, files_of(layers))


@given(LAYERS, st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_lines_are_together_all_that_differs(
    drawn: list[list[tuple[str, str]]], shared: int
) -> None:
    layers = [[entry(*one, at) for one in sensible(layer)] for at, layer in enumerate(drawn)]
    for most in (1, 2, 5, MOST_LINES):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(changes, "MOST_LINES", most)
            difference = found(layers[:shared], layers[shared:])
        assert sum((one.counts for one in difference.lines), FileCounts()) == difference.total
        assert len(difference.lines) <= most
        assert len(lines(difference)) == len(difference.lines), "each is there once"
