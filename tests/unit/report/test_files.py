"""What differs between the files of two images fits on a screen."""

from __future__ import annotations

from factory.model import FileCounts, FileDifference, FileLine, NotedFile
from factory.report.files import files_text

FOUND = FileDifference(
    on_own=True,
    shared=9,
    layers=1,
    total=FileCounts(added=1235, changed=2, deleted=1, new_bytes=58_900_020, old_bytes=1500),
    lines=(
        FileLine(path="/lib/foo/", counts=FileCounts(added=1234, new_bytes=58_900_000)),
        FileLine(path="/lib/", counts=FileCounts(deleted=1, old_bytes=1500), rest=True),
    ),
    noise={"caches": FileCounts(added=1, changed=2, new_bytes=20)},
    noted=(NotedFile(path="/root/.netrc", why="logins of hosts", size=7, hidden=True),),
    noted_beyond=3,
    unread=("layer 2: it ends too early",),
)


def test_lines_noise_and_what_to_look_at_are_told() -> None:
    assert files_text(FOUND) == (
        "files of 1 layer on top of the cell's own image\n"
        "\n"
        "ADDED  CHANGED  MODE  DELETED  BYTES     BEFORE   FILES\n"
        "1,234                          56.2 MiB           /lib/foo/\n"
        "                      1                  1.5 KiB  /lib/ (the rest)\n"
        "1      2                       20 B               (caches)\n"
        "1,235  2              1        56.2 MiB  1.5 KiB  all\n"
        "\n"
        "LOOK AT       WHICH MAY BE\n"
        "/root/.netrc  logins of hosts (deleted later, and still in a layer)\n"
        "\n"
        "3 more files to look at\n"
        "not read to its end: layer 2: it ends too early"
    )


def test_that_nothing_differs_and_what_it_stands_on_is_said() -> None:
    nothing = FileDifference(on_own=False, shared=2, layers=1, total=FileCounts())
    assert files_text(nothing) == (
        "files of 1 layer on top of the lowest 2 of the cell's own: it does not stand on the "
        "cell's own image; none differs"
    )
    foreign = FileDifference(on_own=False, shared=0, layers=3, total=FileCounts())
    assert "files of 3 layers, all that it has" in files_text(foreign)
