"""A sample on the disk, where the factory plans it as any other project."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.identity.sample import RUNTIME, SHARED, UPSTREAM, Node, Part, Sample
from factory import pins
from factory.model import Plan, Selection
from factory.pipeline import prepare
from factory.settings import Settings

_FROM = {UPSTREAM: "{{ image }}", RUNTIME: "{{ parent }}"}
_ENV = """\
{% for name, value in image.env %}
ENV {{ name }}="{{ value }}"
{% endfor %}
"""


def settings_for(root: Path) -> Settings:
    """Of a project in a folder, with nothing of this machine's."""
    return Settings.from_environment({"FACTORY_ROOT": str(root), "HOME": str(root / ".home")})


def everything(sample: Sample) -> dict[str, Node]:
    """All files of a project, by path."""
    texts = {name: Node(text=text) for name, text in documents(sample).items()}
    return {**sample.nodes, **texts}


def write(sample: Sample, root: Path, *, over: Sample | None = None) -> Settings:
    """Write a project into a folder: an empty one, or in place of another project, of which what
    is the same stays untouched."""
    wanted, there = everything(sample), everything(over) if over else {}
    for path in sorted(there.keys() - wanted.keys(), reverse=True):
        _remove(root, path)
    for path, node in wanted.items():
        if there.get(path) != node:
            _put(root / path, node, anew=path in there)
    settings = settings_for(root)
    pins.save(settings, {name: pinned.pin for name, pinned in sample.pins.items()})
    return settings


def _put(place: Path, node: Node, *, anew: bool) -> None:
    if anew and place.is_symlink():
        place.unlink()
    place.parent.mkdir(parents=True, exist_ok=True)
    if node.link:
        place.unlink(missing_ok=True)
        place.symlink_to(node.link)
    elif node.folder:
        place.mkdir()
    else:
        place.write_text(node.text, encoding="utf-8")
        place.chmod(node.mode)
        os.utime(place, (node.mtime, node.mtime))


def _remove(root: Path, path: str) -> None:
    """What is there, and the folders that have nothing left in them: no version control has any."""
    place = root / path
    place.rmdir() if place.is_dir() and not place.is_symlink() else place.unlink()
    for folder in place.parents:
        if folder == root or any(folder.iterdir()):
            break
        folder.rmdir()


def plan(settings: Settings) -> Plan:
    """What the factory makes of it."""
    return prepare(settings, Selection()).plan


def keys(settings: Settings) -> dict[str, str]:
    """Build id to key."""
    return {planned.build.id: planned.key for planned in plan(settings).builds}


def documents(sample: Sample) -> dict[str, str]:
    """The YAML files and templates of a project, by path."""
    found = {"matrix.yaml": _yaml(sample.matrix, sample)}
    for name, image in sample.images.items():
        found[f"images/{name}/image.yaml"] = _yaml(image, sample)
    for owner in (UPSTREAM, RUNTIME):
        text = dockerfile(_FROM[owner], sample.parts[owner], sample.mark)
        found[f"{SHARED}/{owner}.Dockerfile.j2"] = _dressed(text, sample.dressing)
    found[f"{SHARED}/app.Dockerfile.j2"] = _app(sample)
    return found


def dockerfile(base: str, parts: tuple[Part, ...], mark: str) -> str:
    """The text of one Dockerfile; each of its stages bears the mark."""
    stages = "".join(f"{part.stages}\n" for part in parts if part.stages)
    lines = "".join(f"{part.lines}\n" for part in parts)
    return f"{stages}FROM {base} AS last-{mark}\n{lines}"


def _app(sample: Sample) -> str:
    """One template for all images: each has a branch of its own."""
    text = ""
    for name in sample.images:
        body = dockerfile("{{ parent }}", sample.parts[name], sample.mark)
        branch = f'{{% if image.name == "{name}" %}}\n'
        text += f"{branch}{_dressed(body, sample.dressing)}{_ENV}{{% endif %}}\n"
    return text


def _dressed(text: str, dressing: frozenset[str]) -> str:
    """A Dockerfile with what BuildKit does not act on."""
    if "comment" in dressing:
        text = f"# What this is for.\n{text.replace('FROM ', '# A stage.' + chr(10) + 'FROM ')}"
    if "template comment" in dressing:
        text = f"{{# Not rendered. #}}\n{text}"
    if "empty lines" in dressing:
        text = text.replace("FROM ", "\n\nFROM ") + "\n\n"
    if "case" in dressing:
        for word in ("FROM", "COPY", "LABEL"):
            text = text.replace(f"\n{word} ", f"\n{word.lower()} ")
    return text


def _yaml(document: Mapping[str, Any], sample: Sample) -> str:
    if "yaml comment" in sample.dressing:
        return f"# A remark.\n{yaml.safe_dump(_plain(document))}\n# Another.\n"
    if "yaml order" in sample.dressing:
        return yaml.safe_dump(_turned(_plain(document)), sort_keys=False, default_flow_style=None)
    return yaml.safe_dump(_plain(document))


def _plain(document: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(document))


def _turned(value: Any) -> Any:
    """The same mapping with its keys in the opposite order, all the way down."""
    if isinstance(value, dict):
        return {key: _turned(value[key]) for key in sorted(value, reverse=True)}
    return value
