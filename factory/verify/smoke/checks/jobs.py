"""Whether the Jobs API runs jobs and tells the truth about them."""

from __future__ import annotations

import http.client
import shlex
import tempfile
import time
from pathlib import Path

import ray
from ray.job_submission import JobDetails, JobStatus, JobSubmissionClient

from ..protocol import Expected
from .cluster import expect

_DASHBOARD = "127.0.0.1:8265"
_REFUSED = (401, 403)
_WAIT_SECONDS = 150.0
_CODE = 7

_MODULE = """
import os
import ray

ray.init()
total = ray.get(ray.remote(lambda: 40 + int(os.environ["JOB_ADDS"])).remote())
print("sum", total)
"""
_BAD = f"raise SystemExit({_CODE})"


def jobs_api(_: Expected) -> None:
    """A job that brings its code and variables succeeds; strangers are refused."""
    status = _status_without_token()
    expect(status in _REFUSED or not _knows_tokens(), f"without a token it answers {status}")
    client = JobSubmissionClient(f"http://{_DASHBOARD}")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "job.py").write_text(_MODULE, "utf-8")
        environment = {"working_dir": folder, "env_vars": {"JOB_ADDS": "2"}}
        job = client.submit_job(entrypoint="python job.py", runtime_env=environment)
    ended = _ended(client, job)
    logs = client.get_job_logs(job)
    expect(
        ended.status == JobStatus.SUCCEEDED and "sum 42" in logs,
        f"the job that should succeed is {ended.status}: {ended.message}\n{logs[-2000:]}",
    )


def job_failure(_: Expected) -> None:
    """Nobody takes a job that failed for one that did its work."""
    client = JobSubmissionClient(f"http://{_DASHBOARD}")
    ended = _ended(client, client.submit_job(entrypoint=f"python -c {shlex.quote(_BAD)}"))
    expect(ended.status == JobStatus.FAILED, f"the job that should fail is {ended.status}")
    says = f"{ended.driver_exit_code} {ended.message}"
    expect(str(_CODE) in says, f"the failed job does not name its exit code {_CODE}: {says}")


def _knows_tokens() -> bool:
    """Token authentication came with Ray 2.52."""
    major, minor = ray.__version__.split(".")[:2]
    return (int(major), int(minor)) >= (2, 52)


def _status_without_token() -> int:
    connection = http.client.HTTPConnection(_DASHBOARD, timeout=10)
    try:
        connection.request("GET", "/api/jobs/", headers={"User-Agent": "smoke"})
        return connection.getresponse().status
    finally:
        connection.close()


def _ended(client: JobSubmissionClient, job: str) -> JobDetails:
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        details = client.get_job_info(job)
        if details.status.is_terminal():
            return details
        expect(time.monotonic() < deadline, f"a job is still {details.status}: {details.message}")
        time.sleep(0.25)
