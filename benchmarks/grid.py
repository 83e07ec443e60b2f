"""Projects of many builds: the shipped templates and application, and an axis of the user's own."""

from __future__ import annotations

from typing import Any

from benchmarks.tree import Edit

IMAGE = "ray-app"


def grid(builds: int, rays: int = 2) -> Edit:
    """What makes a matrix one of so many builds: one Python, some Rays, and sites to make it so
    many; of one Ray they share all but the application."""

    def edit(content: dict[str, Any]) -> None:
        content["axes"] = {
            "python": ["3.11"],
            "ray": content["axes"]["ray"][:rays],
            "site": [f"s{number:04}" for number in range(builds // rays)],
        }
        content["images"] = [IMAGE]
        content["exclude"] = []
        for key in ("latest", "cohorts"):
            content.pop(key, None)

    return edit
