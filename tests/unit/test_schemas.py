"""JSON Schemas for editors: the committed ones are those of the code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from factory.errors import ConfigError
from factory.schemas import write_schemas
from tests.conftest import ROOT


def test_the_committed_schemas_are_up_to_date() -> None:
    assert write_schemas(ROOT / "docs", check=True) == []


def test_they_are_written_once_and_refused_unknown_keys(tmp_path: Path) -> None:
    assert len(write_schemas(tmp_path / "docs")) == 2
    assert write_schemas(tmp_path / "docs") == []
    schema = json.loads((tmp_path / "docs" / "matrix.schema.json").read_text())
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == {"axes", "base", "targets"}


def test_one_that_is_out_of_date_is_told_and_left(tmp_path: Path) -> None:
    write_schemas(tmp_path)
    (tmp_path / "image.schema.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"image\.schema\.json is out of date"):
        write_schemas(tmp_path, check=True)
    assert (tmp_path / "image.schema.json").read_text() == "{}"
