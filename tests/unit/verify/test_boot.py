"""When a boot is tried again, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from factory.compose import Container
from factory.model import Check, CheckStatus
from factory.process import Completed
from factory.verify.compose import Cluster
from factory.verify.room import _booted

BUSY = "Exception: The current node timed out during startup. This could happen because"
HEAD = Container(
    name="head-1", host="0123456789ab", service="head", state="exited", health="", exit_code=1
)


class Booting:
    """A cluster whose boots end with these codes, while its head says this."""

    def __init__(self, codes: Sequence[int], said: str) -> None:
        self.request = SimpleNamespace(cold=False, subject="app:cell")
        self.did: list[str] = []
        self._codes, self._said = list(codes), said

    def up(self) -> Completed:
        self.did.append("up")
        return Completed(argv=(), code=self._codes.pop(0), stdout="", stderr="", seconds=1.0)

    def down(self) -> None:
        self.did.append("down")

    def containers(self) -> tuple[Container, ...]:
        return (HEAD,)

    def log(self, _: Container) -> tuple[str, ...]:
        return (self._said,)

    def last_probe(self, _: Container) -> tuple[str, ...]:
        return ()


def boot(codes: Sequence[int], said: str) -> tuple[Check, list[str]]:
    cluster: Any = Booting(codes, said)
    return _booted(cast(Cluster, cluster), lambda _: None), cluster.did


def test_where_ray_gave_up_waiting_for_itself_it_is_booted_once_more_and_that_is_said() -> None:
    check, did = boot([1, 0], BUSY)
    assert (check.status, check.reason) == (CheckStatus.PASS, "booted at the second try")
    assert did == ["up", "down", "up"]


def test_what_is_wrong_with_the_image_is_wrong_twice() -> None:
    check, did = boot([1, 1], BUSY)
    assert (check.status, did) == (CheckStatus.FAIL, ["up", "down", "up"])
    assert check.reason == "head-1 ended with exit code 1"


@pytest.mark.parametrize(
    ("codes", "said", "status"),
    [([0], "", CheckStatus.PASS), ([1], "SystemExit: no licence", CheckStatus.FAIL)],
)
def test_else_there_is_one_boot(codes: list[int], said: str, status: CheckStatus) -> None:
    check, did = boot(codes, said)
    assert (check.status, did) == (status, ["up"])
