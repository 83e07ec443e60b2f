"""What the pipeline asks this machine for by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.build.maker import _volatile_labels


def test_without_git_an_image_has_no_revision_and_is_built_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = _volatile_labels(tmp_path)
    assert found.pop("org.opencontainers.image.created")
    assert found == {"org.opencontainers.image.revision": ""}, "else that of a parent would show"
