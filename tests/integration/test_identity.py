"""What keys promise, held to what BuildKit makes; `invoke soak identity` does the same for long."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

import pytest

from benchmarks.identity.forget import forget
from benchmarks.identity.pairs import BUILDABLE, Pair, tried
from factory import process
from factory.context import Contents, stage
from factory.engine import Engine, Store

pytestmark = [pytest.mark.engine, pytest.mark.long]
SOME = (
    "a file is edited, and its size and times stay",
    ".dockerignore leaves out what was read",
    "the image of a stage moves",
    "an image stands on another",
    "modes are another umask's",
    "a stage that nothing uses is another",
)
LONG_AGO = 1_700_000_000


@pytest.fixture(scope="module")
def mark() -> Iterator[str]:
    """In the stages of all that is built here, whose cache is removed at the end."""
    own, since = f"identity-{token_hex(4)}", datetime.now(UTC)
    yield own
    forget([own], since)


@pytest.mark.parametrize("name", SOME)
def test_no_rebuild_is_missed_and_copies_make_what_folders_make(name: str, mark: str) -> None:
    if Engine.connect().store is not Store.CONTAINERD:
        pytest.skip("this engine exports no images as files")
    [mutation] = [one for one in BUILDABLE if one.name == name]
    verdicts = tried(Pair(mutation=mutation, seed=0, mark=mark))
    assert verdicts
    for build, verdict in verdicts.items():
        assert not verdict.missed, build
        assert verdict.staged, build


def test_files_of_one_size_and_time_come_out_as_they_are(tmp_path: Path, mark: str) -> None:
    """BuildKit would give the second build the first one's file, were they sent as they are."""
    (tmp_path / "Dockerfile").write_text(f"FROM scratch AS {mark}\nCOPY version.txt /\n")
    assert [_made(tmp_path, text) for text in ("1.0\n", "2.0\n")] == ["1.0\n", "2.0\n"]


def _made(folder: Path, text: str) -> str:
    """What a file is in an image that is built from the factory's copy of it."""
    place = folder / text.strip()
    context = place / "project"
    context.mkdir(parents=True)
    (context / "version.txt").write_text(text)
    os.utime(context / "version.txt", (LONG_AGO, LONG_AGO))
    tree = Contents(place.resolve()).tree("project", "version.txt", where="a test")
    stage(context, tree, place / "copy")
    argv = ["docker", "buildx", "build", "--builder=default", f"--file={folder / 'Dockerfile'}"]
    argv += [f"--output=type=local,dest={place / 'out'}", str(place / "copy")]
    process.run(argv)
    return (place / "out" / "version.txt").read_text()
