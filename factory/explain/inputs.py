"""What differs between the inputs of two steps that are the same link of a chain."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from factory.explain.files import Lookup, file_changes
from factory.explain.instructions import instruction_change
from factory.model import TEMPLATES, Difference, StepRecord

UNRESOLVED = "unresolved"
"""What the plan has for a pin that no run has looked up yet."""

_ROOTFS = re.compile(r"(.+) as of (.+) by (.+)")
_ORDER = ("platform", "rootfs", "epoch", "image", "repository", "file", "dockerfile")
_SILENT = {"parent", "epoch"}
"""What comes and goes with instructions, which say it better."""


def input_differences(new: StepRecord, old: StepRecord, look: Lookup) -> Iterator[Difference]:
    """Each input that differs, in the order in which people want to hear of them."""
    old = _as_if(old, new.name)
    after, before = dict(new.inputs), dict(old.inputs)
    swapped = _swapped(after, before)
    for name in sorted({**after, **before}, key=_rank):
        now, was = after.get(name), before.get(name)
        if now == was or name == "parent" or name in swapped.values():
            continue
        if name in swapped:
            was_named = _subject(old, swapped[name])
            said: Iterator[str] = iter([f"{was_named} → {name.partition(' ')[2]}"])
        elif now is None or was is None:
            said = _one_sided(new, name, added=was is None)
        else:
            said = _changed(new, old, name, now, was, look)
        yield from (Difference(step=new.name, input=name, what=what) for what in said)


def _rank(name: str) -> int:
    kind = name.partition(" ")[0]
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


def _as_if(old: StepRecord, name: str) -> StepRecord:
    """A step of another image as if it were of this one, so that their files are compared."""
    if old.kind != "app" or old.name == name:
        return old
    prefix, mine = f"file images/{old.name}/", f"file images/{name}/"

    def renamed(pair: tuple[str, str]) -> tuple[str, str]:
        return pair[0].replace(prefix, mine, 1), pair[1]

    return StepRecord(
        key=old.key,
        kind=old.kind,
        name=name,
        parent=old.parent,
        inputs=tuple(map(renamed, old.inputs)),
        folders=tuple(map(renamed, old.folders)),
    )


def _swapped(after: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """Images that took the place of others, in order."""
    came = [name for name in after if name.startswith("image ") and name not in before]
    went = [name for name in before if name.startswith("image ") and name not in after]
    return dict(zip(came, went, strict=False))


def _one_sided(step: StepRecord, name: str, *, added: bool) -> Iterator[str]:
    kind, _, what = name.partition(" ")
    if kind == "file":
        yield f"{what} is {'now' if added else 'no longer'} read"
    elif kind == "rootfs":
        yield f"the base is {'now' if added else 'no longer'} made from packages"
    elif kind not in _SILENT:
        yield f"{_subject(step, name)} {'was added' if added else 'is gone'}"


def _changed(
    new: StepRecord, old: StepRecord, name: str, now: str, was: str, look: Lookup
) -> Iterator[str]:
    kind, _, what = name.partition(" ")
    if kind == "file":
        yield from _files(dict(new.folders).get(name, "."), what, look(now), look(was), look)
    elif kind == "dockerfile":
        yield f"{_template(new)} {_text(new, old, look(now), look(was))}"
    elif kind == "rootfs":
        yield _rootfs(now, was)
    elif UNRESOLVED in (now, was):
        yield f"{_subject(new, name)} has to be looked up: a build does"
    elif kind in ("image", "repository"):
        yield f"{_subject(new, name)} moved from {_short(was)} to {_short(now)}"
    else:
        yield f"{name} {was} → {now}"


def _files(folder: str, what: str, new: str | None, old: str | None, look: Lookup) -> Iterator[str]:
    found = [] if new is None or old is None else list(file_changes(new, old, folder, look))
    yield from found or [f"{what} changed"]


def _text(new: StepRecord, old: StepRecord, now: str | None, was: str | None) -> str:
    told = None
    if now is not None and was is not None:
        told = instruction_change(now, was, new.inputs, old.inputs)
    return told or "renders other instructions"


def _rootfs(now: str, was: str) -> str:
    new, old = _ROOTFS.fullmatch(now), _ROOTFS.fullmatch(was)
    if new and old and new[1] != old[1]:
        return f"Debian {old[1]} → {new[1]}"
    if new and old and new[2] != old[2]:
        return f"epoch {old[2]} → {new[2]}"
    return "the factory makes the root file system in another way"


def _subject(step: StepRecord, name: str) -> str:
    """What people call an input."""
    kind, _, what = name.partition(" ")
    if kind == "image" and step.kind == "base":
        return f"base {what}"
    return what.rpartition("/")[2] if kind == "repository" else name


def _template(step: StepRecord) -> str:
    upstream = step.kind == "base" and "rootfs" not in dict(step.inputs)
    return f"{TEMPLATES}/{'upstream' if upstream else step.kind}.Dockerfile.j2"


def _short(pin: str) -> str:
    return pin[:19] if pin.startswith("sha256:") else pin[:12]
