"""The soak's own sums: they must be able to show a missed rebuild."""

from __future__ import annotations

import io
import json
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest

from benchmarks.identity import image
from benchmarks.identity.pairs import BUILDABLE, Pair, Verdict
from benchmarks.identity.sample import left_out
from benchmarks.identity.soak import PAIRS, chosen, summary
from factory.errors import ConfigError

PAIR = Pair(mutation=BUILDABLE[0], seed=7, mark="test")
KEPT = Verdict(rebuilt=False, changed=False, moved=False, staged=True)
REBUILT = Verdict(rebuilt=True, changed=True, moved=True, staged=True)
MISSED = Verdict(rebuilt=False, changed=True, moved=True, staged=True)
NEEDLESS = Verdict(rebuilt=True, changed=False, moved=False, staged=True)
UNLIKE = Verdict(rebuilt=False, changed=False, moved=False, staged=False)


def test_rates_are_of_what_changed_and_of_what_stayed() -> None:
    found = summary([(PAIR, {"a": MISSED, "b": REBUILT, "c": NEEDLESS, "d": KEPT, "e": KEPT})])
    assert (found["missed"], found["missed_rate"]) == (1, 0.5)
    assert (found["needless"], found["needless_rate"]) == (1, 0.3333)
    assert (found["pairs"], found["builds"]) == (1, 5)


def test_what_must_not_be_is_named() -> None:
    found = summary([(PAIR, {"a": MISSED, "b": UNLIKE, "c": KEPT}), (PAIR, None)])
    assert found["unlike"] == found["pairs_not_built"] == 1
    assert found["to_look_at"] == [f"{PAIR.name}: {end}" for end in ("a", "b", "not built")]


def test_a_run_that_is_cut_short_says_how_many_classes_it_tried() -> None:
    found = summary([(PAIR, {"a": KEPT})])
    assert (found["classes_tried"], found["classes_known"]) == (1, len(BUILDABLE))


def test_nothing_tried_is_no_rate_of_anything() -> None:
    found = summary([])
    assert found["pairs"] == found["missed_rate"] == found["needless_rate"] == 0


def test_every_class_comes_before_any_comes_again() -> None:
    pairs = list(chosen((), PAIRS, "test"))
    assert len(pairs) == PAIRS
    assert {pair.mutation for pair in pairs[: len(BUILDABLE)]} == set(BUILDABLE)
    assert len({pair.name for pair in pairs}) == PAIRS


def test_classes_are_chosen_by_name() -> None:
    assert {pair.mutation.name for pair in chosen(("files are *",), 3, "test")} == {
        "files are touched"
    }
    with pytest.raises(ConfigError) as refused:
        list(chosen(("nothing like it",), 3, "test"))
    assert "files are touched" in refused.value.todo


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("images/one/app/a.tmp", True),
        ("images/one/app/keep.tmp", False),
        ("images/one/private/deep/a.txt", True),
        ("images/one/app/private/a.txt", False),
        ("dockerfiles/private/a.txt", True),
        ("images/one/app/__pycache__/a.pyc", True),
        ("images/one/app/main.txt", False),
    ],
)
def test_what_samples_ignore(path: str, expected: bool) -> None:
    assert left_out(path) is expected


def archive(
    file: Path, *, text: str = "one", mode: int = 0o644, at: int = 1, run: str = ""
) -> Path:
    """An image of one file."""
    blobs: dict[str, bytes] = {}

    def blob(data: bytes) -> str:
        blobs[sha256(data).hexdigest()] = data
        return f"sha256:{sha256(data).hexdigest()}"

    config = {
        "created": f"20{at:02}-01-01",
        "config": {"Cmd": [run]},
        "history": [{"created": f"20{at:02}-01-01", "created_by": "COPY"}],
        "rootfs": {"diff_ids": [str(at)]},
    }
    layer = _tar({"file": text.encode()}, mode=mode, mtime=at)
    manifest = {
        "config": {"digest": blob(json.dumps(config).encode())},
        "layers": [{"digest": blob(layer)}],
    }
    index = {"manifests": [{"digest": blob(json.dumps(manifest).encode())}]}
    files = {f"blobs/sha256/{name}": data for name, data in blobs.items()}
    file.write_bytes(_tar({**files, "index.json": json.dumps(index).encode()}))
    return file


def _tar(files: dict[str, bytes], *, mode: int = 0o644, mtime: int = 0) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(data), mode, mtime
            tar.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def test_an_image_is_the_same_whenever_it_was_made(tmp_path: Path) -> None:
    one = image.read(archive(tmp_path / "1.tar", at=1))
    other = image.read(archive(tmp_path / "2.tar", at=2))
    assert one.digest != other.digest
    assert one.content == other.content


def test_an_image_is_another_by_its_files_and_by_its_config(tmp_path: Path) -> None:
    same = image.read(archive(tmp_path / "1.tar"))
    for others in (
        archive(tmp_path / "2.tar", text="two"),
        archive(tmp_path / "3.tar", mode=0o755),
        archive(tmp_path / "4.tar", run="bash"),
    ):
        assert image.read(others).content != same.content
