"""The proxy with faults does to a request what its rule says, and to all others nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import urllib3

from benchmarks.faults import soak
from benchmarks.faults.cases import FLOATING, VOUCHED, Kind, cases
from benchmarks.faults.proxy import Proxy, Seen, proxying
from benchmarks.faults.rules import Fault, Rule
from benchmarks.faults.trial import Tried
from benchmarks.faults.vouched import EARLY, too_early
from factory.errors import ConfigError
from tests.unit.registry.server import Answer, Asked, Served, serving

BODY = b"0123456789" * 100
DIGEST = "sha256:" + hashlib.sha256(BODY).hexdigest()


def answer(_asked: Asked) -> Answer:
    return 200, {"Docker-Content-Digest": DIGEST}, BODY


@contextmanager
def behind(rule: Rule | None = None) -> Iterator[tuple[Served, Proxy]]:
    with serving(answer) as served, proxying(served.host, [rule] if rule else []) as proxy:
        yield served, proxy


def ask(proxy: Proxy, method: str = "GET", body: bytes | None = None) -> urllib3.BaseHTTPResponse:
    with urllib3.PoolManager(retries=False) as pool:
        return pool.request(method, f"http://{proxy.host}/v2/x", body=body)


def rule(fault: Fault, method: str = "GET", after: int = 0, seconds: float = 0.05) -> Rule:
    return Rule(fault=fault, method=method, path="^/v2/", after=after, seconds=seconds)


def test_without_a_rule_all_goes_through_and_is_counted() -> None:
    with behind() as (served, proxy):
        assert ask(proxy).data == BODY
        assert ask(proxy, "PUT", b"abc").status == 200
        assert served.asked[1].body == b"abc"
        assert [(one.method, one.sent, one.status) for one in proxy.seen] == [
            ("GET", 0, 200),
            ("PUT", 3, 200),
        ]
        assert not proxy.struck()


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault.THROTTLED, 429),
        (Fault.THROTTLED_FOR, 429),
        (Fault.BROKEN, 500),
        (Fault.BAD_GATEWAY, 502),
        (Fault.UNAVAILABLE, 503),
        (Fault.UNKNOWN_US, 401),
    ],
)
def test_a_status_is_the_proxys_own_and_strikes_once(fault: Fault, status: int) -> None:
    with behind(rule(fault)) as (served, proxy):
        first = ask(proxy)
        assert (first.status, served.asked) == (status, [])
        assert first.headers.get("Retry-After") == ("1" if fault is Fault.THROTTLED_FOR else None)
        assert ask(proxy).data == BODY
        assert proxy.struck() == 1


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.STALL, Fault.TRUNCATED])
def test_a_broken_connection_is_broken(fault: Fault) -> None:
    with behind(rule(fault, after=10)) as (_, proxy):
        with pytest.raises(urllib3.exceptions.HTTPError):
            ask(proxy)
        assert ask(proxy).data == BODY


def test_a_reset_lets_so_many_bytes_of_a_body_through_and_the_registry_keeps_none() -> None:
    with behind(rule(Fault.RESET, "PUT", after=100)) as (served, proxy):
        with pytest.raises(urllib3.exceptions.HTTPError):
            ask(proxy, "PUT", BODY)
        assert all(len(one.body) < len(BODY) for one in served.asked)


def test_an_answer_without_a_body_is_lost_though_what_was_asked_is_done() -> None:
    lost = rule(Fault.TRUNCATED, "PUT")
    with serving(lambda _asked: (201, {}, b"")) as served, proxying(served.host, [lost]) as proxy:
        with pytest.raises(urllib3.exceptions.HTTPError):
            ask(proxy, "PUT", BODY)
        assert [one.body for one in served.asked] == [BODY]
        assert [(one.status, one.fault) for one in proxy.seen] == [(201, Fault.TRUNCATED)]


def test_a_rule_waits_until_something_was_taken() -> None:
    late = Rule(fault=Fault.BROKEN, method="PUT", path="/second", since="/first")
    with (
        serving(lambda _asked: (201, {}, b"")) as served,
        proxying(served.host, [late]) as proxy,
        urllib3.PoolManager(retries=False) as pool,
    ):
        asked = [f"http://{proxy.host}/{name}" for name in ("second", "first", "second", "second")]
        statuses = [pool.request("PUT", url, body=b"x").status for url in asked]
    assert statuses == [201, 201, 500, 201]


def test_a_wrong_digest_is_as_long_as_the_right_one() -> None:
    with behind(rule(Fault.CORRUPT)) as (_, proxy):
        spoilt = ask(proxy)
        assert len(spoilt.data) == len(BODY)
        assert spoilt.data != BODY
        assert spoilt.headers["Docker-Content-Digest"] != DIGEST


def test_a_rule_counts_the_requests_that_it_is_about() -> None:
    one = Rule(fault=Fault.BROKEN, method="PUT|PATCH", path="/uploads/.", nth=2, times=2)
    assert one.matches("PATCH", "/v2/x/blobs/uploads/1")
    assert not one.matches("POST", "/v2/x/blobs/uploads/1")
    assert [one.strikes(count) for count in (1, 2, 3, 4)] == [False, True, True, False]


def test_there_are_more_than_a_hundred_cases_and_each_has_a_name_of_its_own() -> None:
    names = [name for name, _ in soak.trials()]
    assert len(names) == len(set(names)) >= 100
    found = list(cases())
    assert {case.fault for case in found} == set(Fault)
    assert {case.kind for case in found} == set(Kind)


def test_evidence_meets_faults_at_each_of_its_moments_and_kills_at_each_of_its_steps() -> None:
    found = {(case.kind, case.position.name) for case in cases() if case.kind in VOUCHED}
    moments = {"begun", "sent", "written"}
    assert found >= {(kind, f"a piece of evidence is {it}") for kind in VOUCHED for it in moments}
    assert (Kind.TAGGED, "the list of evidence is written") in found
    assert {soak.KILLED, soak.KILLED_LISTED} <= {name for name, _ in soak.trials()}
    names = ["head", "push", "get", "blob", "get", "put", "note", "record_pushed", "blob", "note"]
    assert list(soak.attaching(names)) == [4, 5, 6, 7]


def put(path: str, status: int = 201) -> Seen:
    return Seen(method="PUT", path=f"/v2/team/app/manifests/{path}", sent=1, status=status)


@pytest.mark.parametrize(
    ("seen", "wrong"),
    [
        ([put("sha256:1"), put("sha256:2"), put("latest")], []),
        ([put("sha256:1"), put("latest"), put("sha256:2")], [EARLY]),
        ([put("sha256:1"), put("sha256:2", 500), put("2.60.0-py311-cpu")], [EARLY]),
        ([put("sha256:1"), put("2.60.0-py311-cpu-bbbbbbbbbbbb")], []),
    ],
)
def test_a_floating_tag_before_the_evidence_is_told_by_the_order(
    seen: list[Seen], wrong: list[str]
) -> None:
    assert too_early(seen, ["sha256:1", "sha256:2"], FLOATING) == wrong


def test_a_name_that_no_case_has_is_refused() -> None:
    with pytest.raises(ConfigError, match="no case is called"):
        soak.matching(list(soak.trials()), ["nothing"])


def test_the_table_counts_what_went_wrong() -> None:
    good = Tried(kind="k", fault="f", case="c", ended="done", struck=1, looks=2, seconds=0.1)
    bad = Tried(
        kind="k", fault="f", case="d", ended="explained", struck=1, looks=2, seconds=0.1,
        wrong=("a tag",),
    )  # fmt: skip  # only there to be counted
    found = soak.summary([good, bad])
    assert (found["cases"], found["got_over_it"], found["explained_then_done"]) == (2, 1, 1)
    assert found["wrong"] == ["d: a tag"]
    assert found["table"] == [
        {
            "kind": "k",
            "fault": "f",
            "cases": 2,
            "got_over_it": 1,
            "explained_then_done": 1,
            "wrong": 1,
        }
    ]
