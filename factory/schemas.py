"""The JSON Schemas that editors read, written from the schema that the factory validates with."""

from __future__ import annotations

import json
from pathlib import Path

from factory.errors import ConfigError
from factory.matrix import json_schema


def write_schemas(folder: Path, *, check: bool = False) -> list[Path]:
    """Write ``matrix.schema.json`` and ``image.schema.json``; returns those that had to change.

    Raises:
        ConfigError: ``check``, and one would have to change.
    """
    changed = []
    for name in ("matrix", "image"):
        path = folder / f"{name}.schema.json"
        text = json.dumps(json_schema(name), indent=2) + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            changed.append(path)
            if not check:
                folder.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    if check and changed:
        raise ConfigError(
            f"{changed[0].name} is out of date", where=str(folder), todo="run `invoke schema`"
        )
    return changed
