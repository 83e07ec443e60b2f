"""An image's layers are told apart from those that it shares with the cell's own."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from factory.errors import ScanError
from factory.scan import archive
from factory.scan.files import Above, files_above


def layer(*files: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in files:
            tar.addfile(tarfile.TarInfo(name))
    return packed.getvalue()


def digest(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


OWN = (layer("a", "b"), layer("c"))
MADE = layer("d", ".wh.a")


def configuration(layers: Sequence[bytes]) -> bytes:
    history = [{"empty_layer": True}]
    for _ in layers:
        history += [{}, {"empty_layer": True}]
    diff_ids = [digest(one) for one in layers]
    return json.dumps({"rootfs": {"diff_ids": diff_ids}, "history": history}).encode()


def above(
    layers: Sequence[bytes],
    own: Sequence[bytes],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    wanted: str | None = None,
) -> Above:
    """What is found in an image that an engine gives as one of release 25 and later does."""
    config = configuration(layers)

    def save(_: Sequence[str], file: Path) -> None:
        blobs = {f"blobs/sha256/{digest(one)[7:]}": one for one in (config, *layers)}
        names = [f"blobs/sha256/{digest(one)[7:]}" for one in layers]
        index = [{"Config": f"blobs/sha256/{digest(config)[7:]}", "Layers": names}]
        with tarfile.open(file, "w") as tar:
            for name, raw in {**blobs, "manifest.json": json.dumps(index).encode()}.items():
                member = tarfile.TarInfo(name)
                member.size = len(raw)
                tar.addfile(member, io.BytesIO(raw))

    monkeypatch.setattr(archive, "save", save)
    return files_above(
        "mine:1",
        config_digest=wanted or digest(config),
        layers=[digest(one) for one in own],
        cache=folder,
        log=lambda _: None,
    )


def test_what_is_on_top_of_the_cells_own_image_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = above((*OWN, MADE), OWN, tmp_path, monkeypatch)
    assert [one.path for one in found.files.lines] == ["/a", "/d"]
    assert (found.files.on_own, found.files.shared, found.files.layers) == (True, 2, 1)
    assert found.below == 5, "two layers, and three entries without any"
    assert not list((tmp_path / "trivy" / "work").glob("scan-*")), "nothing is left behind"


@pytest.mark.parametrize(
    ("layers", "own", "shared", "paths"),
    [
        ((OWN[0], MADE), OWN, 1, {"/a", "/d"}),
        ((MADE,), OWN, 0, {"/d"}),
        ((*OWN, MADE), (), 0, {"/b", "/c", "/d"}),
        (OWN[:1], OWN, 1, set()),
    ],
    ids=["on some of its layers", "on none", "on nobody knows what", "on less than all"],
)
def test_what_does_not_stand_on_it_is_held_against_what_it_shares(
    layers: Sequence[bytes],
    own: Sequence[bytes],
    shared: int,
    paths: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = above(layers, own, tmp_path, monkeypatch)
    assert (found.files.on_own, found.files.shared) == (False, shared)
    assert {one.path for one in found.files.lines} == paths


def test_another_image_than_the_one_that_was_judged_is_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ScanError, match="was to be judged"):
        above(OWN, OWN, tmp_path, monkeypatch, wanted="sha256:" + "0" * 64)


def test_a_layer_that_breaks_off_is_named_and_the_others_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torn = layer("e")[:512] + b"\x1b[31mno entry".ljust(512, b"!")
    found = above((*OWN, torn, MADE), OWN, tmp_path, monkeypatch).files
    assert {one.path for one in found.lines} == {"/a", "/d", "/e"}
    assert found.unread == ("layer 3: what follows one of its entries is none",)
