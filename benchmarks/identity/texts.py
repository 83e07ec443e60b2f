"""What may happen to Dockerfiles, YAML files and the network: each says which builds it reaches.
Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

from benchmarks.identity.generate import digest_of
from benchmarks.identity.sample import (
    Mutated,
    Node,
    Part,
    Pinned,
    Sample,
    build_id,
    ray_name,
)


def rewrite(
    sample: Sample, random: Random, *, kind: str, old: str, new: str, where: str = "lines"
) -> Mutated:
    """Other words in a part of some kind."""
    owner = random.choice(sample.having(kind))
    part = next(part for part in sample.parts[owner] if part.kind == kind)
    text = getattr(part, where)
    assert old in text, f"{kind} has no {old}"
    changed: Mapping[str, Any] = {where: text.replace(old, new)}
    return sample.with_part(owner, part, replace(part, **changed)), sample.standing_on({owner})


def more_lines(sample: Sample, random: Random) -> Mutated:
    owner = random.choice(list(sample.parts))
    more = Part(kind="more", lines="COPY data.txt /more/")
    parts = {**sample.parts, owner: (*sample.parts[owner], more)}
    return replace(sample, parts=parts), sample.standing_on({owner})


def dress(sample: Sample, _random: Random, *, what: str) -> Mutated:
    after = replace(sample, dressing=sample.dressing | {what})
    return after, _copying_yaml(sample) if what.startswith("yaml") else ()


def _copying_yaml(sample: Sample) -> set[str]:
    """The builds that copy ``image.yaml`` itself, with all else that is in its folder."""
    return sample.reached_by(*(f"images/{name}/image.yaml" for name in sample.images))


def moved(sample: Sample, _random: Random, *, name: str) -> Mutated:
    pin = "d" * 40 if "#" in name else digest_of(f"{name} moved")
    pins = {**sample.pins, name: Pinned(pin=pin, content=f"{name} moved\n")}
    owners = {owner for owner, part in sample.all_parts if name in part.names}
    return replace(sample, pins=pins), sample.standing_on(owners)


def base_moved(sample: Sample, random: Random, *, content: str = "moved\n") -> Mutated:
    ray = random.choice(sample.rays)
    name = ray_name(ray)
    pinned = Pinned(pin=digest_of(f"{name} moved"), content=content or sample.pins[name].content)
    reached = [build_id(image, ray) for image in sample.images]
    return replace(sample, pins={**sample.pins, name: pinned}), reached


def other_pin(sample: Sample, _random: Random) -> Mutated:
    pins = {**sample.pins, "registry.example.invalid/none:3": Pinned(pin=digest_of("none"))}
    return replace(sample, pins=pins), ()


def of_matrix(sample: Sample, _random: Random, *, more: Mapping[str, Any]) -> Mutated:
    return replace(sample, matrix={**sample.matrix, **more}), ()


def epoch(sample: Sample, _random: Random) -> Mutated:
    base = {**sample.matrix["base"], "epoch": "2026-12"}
    owners = {owner for owner, part in sample.all_parts if part.runs}
    return replace(sample, matrix={**sample.matrix, "base": base}), sample.standing_on(owners)


def cell(sample: Sample, _random: Random) -> Mutated:
    """One more, or one fewer."""
    rays = ["2.60.0"] if len(sample.rays) > 1 else ["2.60.0", "2.55.1"]
    return replace(sample, matrix={**sample.matrix, "axes": {"python": ["3.11"], "ray": rays}}), ()


def another_image(sample: Sample, _random: Random) -> Mutated:
    images = {**sample.images, "zebra": {"description": "One more"}}
    copied = Part(kind="file", lines="LABEL zebra=yes")
    after = replace(sample, images=images, parts={**sample.parts, "zebra": (copied,)})
    return after.with_node("images/zebra/app/main.txt", Node(text="new\n")), ()


def of_image(sample: Sample, random: Random, *, more: Mapping[str, Any], acts: bool) -> Mutated:
    name = random.choice(list(sample.images))
    images = {**sample.images, name: {**sample.images[name], **more}}
    after, reached = replace(sample, images=images), sample.reached_by(f"images/{name}/image.yaml")
    return after, reached | (sample.standing_on({name}) if acts else set())


def checks(sample: Sample, random: Random) -> Mutated:
    after, reached = of_image(sample, random, more={"checks": "checks.py"}, acts=False)
    [name] = [name for name, image in after.images.items() if "checks" in image]
    path = f"images/{name}/checks.py"
    node = Node(text="def check_sum(ray):\n    assert 1 + 1 == 2\n")
    return after.with_node(path, node), {*reached, *sample.reached_by(path)}


def orphan(sample: Sample, _random: Random) -> Mutated:
    """An image stands on the base alone that stood on another, or the other way round."""
    first, second = list(sample.images)[:2] if len(sample.images) > 1 else ("one", "one")
    if first == second:
        images: dict[str, Mapping[str, Any]] = {
            "root": {"description": "A root"},
            "one": {**sample.images["one"], "parent": "root"},
        }
        parts = {**sample.parts, "root": (Part(kind="label", lines="LABEL root=yes"),)}
        after = replace(sample, images=images, parts=parts)
        return after.with_node("images/root/app/main.txt", Node(text="new\n")), sample.standing_on(
            {"one"}
        )
    image = dict(sample.images[second])
    if image.pop("parent", None) is None:
        image["parent"] = first
    after = replace(sample, images={**sample.images, second: image})
    reached = sample.standing_on({second}) | sample.reached_by(f"images/{second}/image.yaml")
    return after, reached
