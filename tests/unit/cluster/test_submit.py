"""What repeats a job's words in a cluster's head, with a Ray whose tail is told late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from ray.job_submission import JobStatus

from factory.cluster.inside import submit

LATE = 3600.0  # seconds, which no test waits for


@dataclass
class Job:
    """A client of the Jobs API that knows one job.

    Attributes:
        log: what the job said, whole.
        tailed: what a tail of it tells.
        late: seconds until the tail notices that the job has ended.
        polls: how often it says of the job that it runs.
    """

    log: str
    tailed: tuple[str, ...]
    late: float = LATE
    polls: int = 2
    asked: list[str] = field(default_factory=list)

    async def tail_job_logs(self, _job: str) -> AsyncIterator[str]:
        for text in self.tailed:
            yield text
        await asyncio.sleep(self.late)
        yield self.log[sum(map(len, self.tailed)) :]

    def get_job_status(self, _job: str) -> JobStatus:
        self.asked.append("status")
        return JobStatus.RUNNING if len(self.asked) <= self.polls else JobStatus.SUCCEEDED

    def get_job_logs(self, _job: str) -> str:
        self.asked.append("logs")
        return self.log


def said(job: Job, capsys: pytest.CaptureFixture[str]) -> str:
    async def end() -> None:
        await asyncio.wait_for(submit._until_ended(cast(Any, job), "job-1"), 60)

    asyncio.run(end())
    return capsys.readouterr().out


@pytest.mark.parametrize("tailed", [(), ("a\n",), ("a\nbé", "c\n"), ("a\nbéc\nd",)])
def test_all_is_said_once_and_the_tail_not_waited_for(
    tailed: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    job = Job(log="a\nbéc\nd", tailed=tailed)
    assert said(job, capsys) == "a\nbéc\nd"
    assert "logs" in job.asked


def test_more_than_is_remembered_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    log = "".join(f"line {number}\n" for number in range(1000))
    assert said(Job(log=log, tailed=(log[:4000], log[4000:9000])), capsys) == log


def test_a_log_that_goes_on_from_something_else_is_left_to_the_tail(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Rotated(Job):
        def get_job_logs(self, _job: str) -> str:
            return "another"

    assert said(Rotated(log="one two", tailed=("one",), late=1), capsys) == "one two"


def test_a_long_log_is_left_to_the_tail(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submit, "_MOST", 3)
    job = Job(log="one two", tailed=("one",), late=1)
    assert said(job, capsys) == "one two"
    assert "logs" not in job.asked


def test_a_tail_that_breaks_off_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    class Broken(Job):
        async def tail_job_logs(self, _job: str) -> AsyncIterator[str]:
            yield "one"
            raise RuntimeError("the connection closed")

    with pytest.raises(RuntimeError, match="connection closed"):
        said(Broken(log="one two", tailed=(), polls=100), capsys)
