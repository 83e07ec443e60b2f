"""Which builds are released as one: their floating tags move together, or not at all. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from factory.model import Build, Group, Project


def release_groups(project: Project, builds: Iterable[Build]) -> tuple[Group, ...]:
    """The groups of some builds, each with all of its members, in the order of the builds.

    A build in no group of several is one by itself: no other's failure stops it.
    """
    joined = {build: group for group in _joined(project) for build in group.builds}
    found: dict[str, Group] = {}
    for build in builds:
        group = joined.get(build) or Group(name=build.id, builds=(build,))
        found.setdefault(group.name, group)
    return tuple(found.values())


def _joined(project: Project) -> Iterator[Group]:
    """The groups of several builds. A name of one cannot be a build's: that has a colon."""
    together = project.matrix.together
    if together == "cohorts" and not project.matrix.cohorts:
        return  # a matrix may be large, and all of it is not needed then
    every = tuple(
        Build(image=image, cell=cell)
        for image in project.images
        for cell in project.matrix.cells
        if project.made_for(image, cell)
    )
    if together == "all":
        yield Group(name="all", builds=every)
        return
    sets = dict(_cohorts(project))
    if together == "images":
        cohorts = sets.values()
        sets = {name: {one for one in every if one.image == name} for name in project.images}
        sets |= {f" {at}": cohort for at, cohort in enumerate(cohorts)}
    for names, members in _merged(sets):
        shown = sorted({one.image for one in members}) if together == "images" else names
        order = tuple(build for build in every if build in members)
        yield Group(name="+".join(shown), builds=order)


def _cohorts(project: Project) -> Iterator[tuple[str, set[Build]]]:
    """The builds that each cohort pairs. A pair that two of them name is in both here."""
    for cohort in project.matrix.cohorts:
        yield (
            cohort.name,
            {
                Build(image=image, cell=cell)
                for image in ([cohort.image] if cohort.image else project.images)
                for pair in cohort.pairs
                if all(project.made_for(image, cell) for cell in pair)
                for cell in pair
            },
        )


def _merged(sets: dict[str, set[Build]]) -> Iterator[tuple[list[str], set[Build]]]:
    """Sets that share a member become one, under all of their names."""
    found: list[tuple[list[str], set[Build]]] = []
    for name, members in sets.items():
        touching = [one for one in found if not one[1].isdisjoint(members)]
        found = [one for one in found if one not in touching]
        names = [*(each for one in touching for each in one[0]), name]
        found.append((names, members.union(*(one[1] for one in touching))))
    yield from (one for one in found if one[1])
