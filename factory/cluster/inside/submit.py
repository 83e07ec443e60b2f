"""Submits a job to the cluster whose dashboard answers here, repeats what it says, and ends with
its exit code:

python - ID FOLDER 'COMMAND'
"""

import asyncio
import logging
import shutil
import sys

from ray.job_submission import JobStatus, JobSubmissionClient

_FAILED = 1
_OURS = 125  # of what is not the job's own doing


async def _repeat(client, job):  # type: (JobSubmissionClient, str) -> None
    async for text in client.tail_job_logs(job):
        sys.stdout.write(text)
        sys.stdout.flush()


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
    asyncio.run(_repeat(client, job))
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
