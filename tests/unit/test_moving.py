"""What a group needs before its floating tags move, and what to do where it has not got it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factory.errors import PublishError
from factory.model import Build, Cell, Group, Target
from factory.moving import required

BUILD = Build(image="app", cell=Cell(python="3.11", ray="2.60.0", device="cpu"))
GROUP = Group(name="both", builds=(BUILD,))
PROD = Target(name="prod", registry="h/prod")


def todo(target: Target) -> str:
    with pytest.raises(PublishError, match="both does not move: it is not there") as caught:
        required(GROUP, iter([target]), lambda _build, _target: "it is not there")
    return caught.value.todo


def test_the_whole_of_a_group_is_made_by_a_release_where_that_goes() -> None:
    assert todo(PROD).endswith("flag; `invoke release` makes and publishes what is missing")


def test_the_whole_of_a_group_is_promoted_to_where_no_release_goes() -> None:
    said = todo(replace(PROD, promote_only=True))
    assert "select all of it, such as with no selection flag" in said
    assert said.endswith("`invoke release` publishes what the source lacks")
