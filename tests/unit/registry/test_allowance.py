"""What a registry says of how many more requests it takes."""

from __future__ import annotations

import pytest

from factory.registry import Registry
from factory.registry.allowance import Allowance, allowance_of
from tests.unit.registry.server import ANSWER, serving

SAID = {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600"}


def test_the_headers_of_docker_hub_are_read() -> None:
    assert allowance_of(SAID) == Allowance(limit=100, remaining=76, seconds=21600)
    assert str(allowance_of(SAID)) == "76 of 100 pulls in 6 h are left"
    assert allowance_of({"ratelimit-limit": "100", "ratelimit-remaining": "3"}) == Allowance(
        limit=100, remaining=3
    )


@pytest.mark.parametrize("value", ["", "many", "-1", ";w=1"])
def test_headers_that_say_nothing_are_nothing(value: str) -> None:
    assert allowance_of(SAID | {"ratelimit-remaining": value}) is None
    assert allowance_of({}) is None


@pytest.mark.parametrize(
    ("remaining", "wanted", "short"), [(76, 10, False), (76, 70, True), (9, 0, True)]
)
def test_it_is_short_before_it_bites(remaining: int, wanted: int, short: bool) -> None:
    assert Allowance(limit=100, remaining=remaining).is_short(wanted) is short


def test_a_client_knows_it_from_a_head_that_costs_nothing() -> None:
    status, headers, body = ANSWER
    with serving(lambda asked: (status, headers | SAID, body)) as served:
        registry = Registry(lambda key: None)
        assert registry.allowance(served.repository) is None
        registry.hasty().head(served.repository, "t")
        assert registry.allowance(served.repository) == allowance_of(SAID)
    assert served.said == ["HEAD /v2/team/app/manifests/t"]
