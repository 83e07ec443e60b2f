"""What waits for what when floating tags move."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from factory.model import Build, Cell, Group, Journal, Plan, PlannedBuild
from factory.works import moving

if TYPE_CHECKING:
    from factory.workshop import Workshop

CELLS = [Cell(python="3.11", ray="2.60.0", device=device) for device in ("cpu", "gpu")]
CPU, GPU = (Build(image="app", cell=cell) for cell in CELLS)


def planned(build: Build) -> PlannedBuild:
    return PlannedBuild(build=build, steps=("k",), immutable="i", floating=("f",))


def shop(*builds: Build, unfinished: tuple[Journal, ...] = ()) -> Workshop:
    group = Group(name="gpu-head", builds=(CPU, GPU))
    targets = (SimpleNamespace(name="local"), SimpleNamespace(name="hub"))
    prod = SimpleNamespace(name="prod")  # to promote to
    return cast(
        "Workshop",
        SimpleNamespace(
            settings=None,
            stock=SimpleNamespace(registry=None),
            ledger=SimpleNamespace(unfinished=lambda: unfinished),
            plan=Plan(steps={}, builds=tuple(map(planned, builds)), groups=(group,)),
            project=SimpleNamespace(
                matrix=SimpleNamespace(targets=(*targets, prod), release_targets=targets)
            ),
            publishing=SimpleNamespace(move=print),
        ),
    )


def test_a_group_waits_for_all_of_its_builds_at_every_target() -> None:
    [work] = moving(shop(CPU, GPU))
    assert work.id == "move gpu-head"
    assert work.needs == (
        f"publish {CPU.id} → local",
        f"publish {CPU.id} → hub",
        f"publish {GPU.id} → local",
        f"publish {GPU.id} → hub",
    )


def test_it_waits_for_no_work_that_there_is_not() -> None:
    [work] = moving(shop(GPU))
    assert work.needs == (f"publish {GPU.id} → local", f"publish {GPU.id} → hub")


def test_what_a_dead_run_began_is_finished_whatever_becomes_of_this_one() -> None:
    journal = Journal(run="1234", group="gpu-head", publications=(), moves=(), at="then")
    finish, move = moving(shop(CPU, GPU, unfinished=(journal,)))
    assert (finish.id, finish.needs) == ("finish gpu-head of run 1234", ())
    assert finish.id not in move.needs
