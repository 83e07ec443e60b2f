"""Evidence of tiny images: attached as a run attaches it, and what of it a registry has."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from benchmarks.faults.proxy import Seen
from factory import trivy
from factory.attesting import Attester
from factory.evidence import carried, subject_of
from factory.model import Built, Plan, PlannedBuild, Step, Verdict
from factory.registry import Registry, list_referrers
from factory.scan import inventory
from factory.scan.report import Report
from factory.settings import Settings

EARLY = "a floating tag moved before its evidence was there"


def settings_at(folder: Path) -> Settings:
    """Of a run that has a folder to itself, and no local registry."""
    return Settings(
        root=folder,
        cache=folder / "cache",
        data=folder / "data",
        jobs=1,
        registry="127.0.0.1:1",
    )


def steps_of(builds: Iterable[PlannedBuild]) -> dict[str, Step]:
    """What build records tell of: one step a build."""
    return {
        one.key: Step(
            kind="base",
            name=one.build.image,
            key=one.key,
            parent=None,
            dockerfile="FROM scratch",
            inputs=(("platform", "linux/amd64"),),
        )
        for one in builds
    }


def materials(name: str, components: int, size: int = 0) -> bytes:
    """A bill of materials (CycloneDX) that no other image has.

    Args:
        name: what tells it from others.
        size: how many bytes each component takes, at least.
    """
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": name,
        "metadata": {"timestamp": "2026-01-01T00:00:00+00:00"},
        "components": [
            {"name": f"package-{number}", "purl": f"pkg:generic/{number}".ljust(size, "x")}
            for number in range(components)
        ],
    }
    return json.dumps(document).encode()


def keep_materials(settings: Settings, bills: Mapping[str, bytes]) -> None:
    """Have a bill of materials of each image, by its configuration's digest, as its scan leaves
    one."""
    tool, home = trivy.locate(), trivy.home(settings.cache)
    for config_digest, bill in bills.items():
        folder = inventory.folder_of(home, config_digest, tool, java=False)
        inventory.keep(folder, Report(), bill)


def attester(
    settings: Settings,
    plan: Plan,
    registry: Registry,
    built: Callable[[PlannedBuild], Built],
    verdicts: Callable[[PlannedBuild, str], Iterable[Verdict]],
) -> Attester:
    """What attaches it, unsigned."""
    return Attester(
        settings=settings,
        plan=plan,
        registry=lambda: registry,
        signer=None,
        built=lambda planned, _error: built(planned),
        verdicts=lambda planned, digest, _target: verdicts(planned, digest),
        joints=lambda _planned, _digest: (),
    )


def told_of(registry: Registry, repository: str, digest: str) -> tuple[str, ...]:
    """All that refers to an image, by its digest, and that each can be read; nothing where there is
    no such image."""
    if registry.head(repository, digest) is None:
        return ()
    found = carried(registry, repository, subject_of(registry, repository, digest), ())
    listed = [one.digest for one in list_referrers(registry, repository, digest)]
    return tuple(sorted([*listed, *(f"{one.about} {one.why or 'well'}" for one in found.pieces)]))


def too_early(seen: Iterable[Seen], needed: Collection[str], floating: str) -> list[str]:
    """Whether a floating tag was written before a registry had taken what is needed. Pure.

    Args:
        seen: requests in their order.
        needed: tags and digests of manifests.
        floating: what the path of such a tag matches.
    """
    taken = set[str]()
    for one in seen:
        if one.method == "PUT" and re.search(floating, one.path):
            return [] if taken.issuperset(needed) else [EARLY]
        if one.method == "PUT" and one.status == 201:
            taken.add(one.path.rpartition("/")[2])
    return []
