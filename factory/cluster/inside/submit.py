"""Submits a job to the cluster whose dashboard answers here, repeats what it says, and ends with
its exit code:

python - ID FOLDER 'COMMAND'
"""

import asyncio
import contextlib
import logging
import shutil
import sys

from ray.job_submission import JobStatus, JobSubmissionClient

_FAILED = 1
_OURS = 125  # of what is not the job's own doing
_FIRST_PAUSE, _LAST_PAUSE = 0.2, 1.0  # seconds between two looks whether the job has ended
_END = 1000  # characters by which a log is known to go on from what was said
_MOST = 20000000  # characters; to fetch a longer log again takes longer than to wait for its tail


class _Repeater:
    """Says what a job says, and remembers how much that was and how it ended."""

    def __init__(self):  # type: () -> None
        self.count = 0
        self.end = ""

    def say(self, text):  # type: (str) -> None
        sys.stdout.write(text)
        sys.stdout.flush()
        self.count += len(text)
        self.end = (self.end + text)[-_END:]

    async def follow(self, client, job):  # type: (JobSubmissionClient, str) -> None
        async for text in client.tail_job_logs(job):
            self.say(text)

    def rest(self, log):  # type: (str) -> bool
        """Say what is left of a whole log; no, if it does not begin with what was said."""
        if log[max(0, self.count - _END) : self.count] != self.end:
            return False
        self.say(log[self.count :])
        return True


async def _until_ended(client, job):  # type: (JobSubmissionClient, str) -> None
    """Say what the job says until it ends. Ray's own tail looks only now and then whether a job has
    ended, and says so late (Ray 2.60: by four seconds): hence we ask, and fetch what it has not
    told yet."""
    loop = asyncio.get_event_loop()
    repeater = _Repeater()
    tail = asyncio.ensure_future(repeater.follow(client, job))
    pause = _FIRST_PAUSE
    while not tail.done():
        status = await loop.run_in_executor(None, client.get_job_status, job)
        if status.is_terminal() and repeater.count < _MOST:
            if repeater.rest(await loop.run_in_executor(None, client.get_job_logs, job)):
                tail.cancel()
            break
        await asyncio.wait([tail], timeout=pause)
        pause = min(_LAST_PAUSE, pause * 1.1)
    with contextlib.suppress(asyncio.CancelledError):
        await tail


def main():  # type: () -> int
    """Do it; returns the exit code."""
    job, folder, command = sys.argv[1:]
    logging.disable(logging.INFO)  # of what Ray does meanwhile; the job speaks for itself
    client = JobSubmissionClient("http://127.0.0.1:8265")
    try:
        client.submit_job(
            submission_id=job, entrypoint=command, runtime_env={"working_dir": folder}
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    asyncio.run(_until_ended(client, job))
    info = client.get_job_info(job)
    if info.status == JobStatus.SUCCEEDED:
        return 0
    code = getattr(info, "driver_exit_code", None)
    if not code:
        sys.stderr.write(f"the job {info.status}: {info.message}\n")
    return code or _FAILED


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception as error:
        sys.stderr.write(f"the job could not be submitted: {error}\n")
        sys.exit(_OURS)
