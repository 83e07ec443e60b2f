from __future__ import annotations

from benchmarks.half import Took

MB = 10**6


def took(*, own: float = 1.0, busy: float = 100.0, peak: int = 60 * MB) -> Took:
    return Took(
        outcomes=[{"verb": "build", "subject": "base@1", "seconds": 2}],
        seconds=50.0,
        own_cpu_seconds=own,
        busy_seconds=busy,
        peak_bytes=peak,
    )


def met(one: Took) -> list[bool]:
    return [target.met for target in one.targets]


def test_the_share_is_per_cent_of_what_the_machine_worked() -> None:
    assert took(own=2.5, busy=50.0).own_share == 5.0


def test_up_to_5_per_cent_and_150_mb_the_targets_are_met() -> None:
    assert met(took(own=5.0, busy=100.0, peak=150 * MB)) == [True, True]


def test_each_target_is_missed_for_itself() -> None:
    assert met(took(own=5.1, busy=100.0)) == [False, True]
    assert met(took(peak=151 * MB)) == [True, False]


def test_timings_are_those_of_the_outcomes() -> None:
    assert took().timings == [("build", "base@1", 2.0)]
