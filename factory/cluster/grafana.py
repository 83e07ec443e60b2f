"""Ray's own dashboards, from the head that writes them to Grafana."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from factory import process
from factory.errors import ClusterError
from factory.process import ProcessFailed

_WRITTEN = "/tmp/ray/session_latest/metrics/grafana"  # noqa: S108  # in the head's container
_THERE = "/tmp/grafana"  # noqa: S108  # in Grafana's container
_PATH = re.compile(r"(?m)^(\s*path:\s*).*$")
_SECONDS = 120.0


def furnish(head: str, grafana: str) -> None:
    """Give Grafana's container, which has not begun yet, the head's dashboards, and start it.

    Raises:
        ClusterError: the head has none, or the engine failed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "grafana")
        try:
            process.run(["docker", "cp", f"{head}:{_WRITTEN}", str(folder)], timeout=_SECONDS)
            for file in folder.glob("provisioning/dashboards/*.yml"):
                file.write_text(moved(file.read_text("utf-8")), encoding="utf-8")
            process.run(["docker", "cp", str(folder), f"{grafana}:{_THERE}"], timeout=_SECONDS)
            process.run(["docker", "start", grafana], timeout=_SECONDS)
        except ProcessFailed as failure:
            raise ClusterError(
                "Grafana could not be given Ray's dashboards",
                where=grafana,
                todo="see that the image has Ray's dashboard (`ray[default]`)",
                detail=failure.completed.tail,
            ) from failure


def moved(text: str) -> str:
    """A provider of dashboards whose folder is the head's, with that of Grafana's container."""
    return _PATH.sub(rf"\g<1>{_THERE}/dashboards", text)
