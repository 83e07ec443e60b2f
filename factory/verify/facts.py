"""What an image is that nobody describes: by its labels and variables, else by asking it."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

from factory.engine import EngineImage
from factory.errors import VerifyError
from factory.model import Facts
from factory.verify import bare
from factory.verify.bundle import SMOKE
from factory.verify.events import tidy
from factory.verify.request import ClusterRequest

_RAY, _PYTHON, _DEVICE = "io.ray.ray-version", "io.ray.python-version", "io.ray.device"
_CUDA = "CUDA_VERSION"
_VERSION = re.compile(r"[0-9]+(\.[0-9A-Za-z]+)+", re.ASCII)
_LONGEST = 64
"""Characters of a version; no project has one that is half as long."""

_RELEASE = re.compile(r"[0-9]+\.[0-9]+", re.ASCII)
_EXTRA = re.compile(r"[a-z]{1,20}", re.ASCII)
_INTERPRETER = ("python", "-I", "-")
"""With the image's packages, which the suite's own does without until it has begun."""


def facts_of(image: EngineImage, request: ClusterRequest, *, run_id: str) -> Facts:
    """What an image is; what neither its labels nor it itself can tell stays unknown.

    Args:
        request: names the image; what it expects is not looked at.
        run_id: the run that owns the container.

    Raises:
        VerifyError: it is no Ray image, or the engine could not run a container.
        Interrupted: the run was cancelled.
    """
    answers, why_not = _ask(request, run_id)
    if not (answers.get("has_ray") is True or image.labels.get(_RAY)):
        raise VerifyError(
            f"it is no Ray image: it has no label {_RAY}, and no Ray is found in it",
            where=request.subject,
            todo="give --ref an image whose `python` has Ray installed",
            detail=why_not,
        )
    return told(image.labels, dict(one.partition("=")[::2] for one in image.env), answers)


def told(
    labels: Mapping[str, str], variables: Mapping[str, str], answers: Mapping[str, Any]
) -> Facts:
    """Facts from what an image says: its labels first, since they are what others go by."""
    cuda = _RELEASE.match(variables.get(_CUDA, ""))
    device = labels.get(_DEVICE) or ("gpu" if variables.get(_CUDA) else "cpu")
    python = _RELEASE.match(labels.get(_PYTHON) or str(answers.get("python") or ""))
    extras = answers.get("extras")
    named = extras if isinstance(extras, list) else ()
    return Facts(
        ray=_fit(labels.get(_RAY)) or _fit(answers.get("ray")),
        python=python.group() if python else "",
        device="gpu" if device == "gpu" else "cpu",
        cuda=cuda.group() if cuda and device == "gpu" else None,
        torch=answers.get("torch") is True,
        extras=tuple(filter(_EXTRA.fullmatch, map(str, named))),
    )


def _fit(version: object) -> str:
    """A version, or nothing: an image may say anything."""
    fits = isinstance(version, str) and len(version) <= _LONGEST and _VERSION.fullmatch(version)
    return str(version) if fits else ""


def _ask(request: ClusterRequest, run_id: str) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """What the image says of itself in a container of its own, or nothing and why."""
    mark, lines = secrets.token_hex(16), list[str]()
    source = (SMOKE / "found.py").read_text("utf-8")
    script = f"{source}\nimport json\nprint('{mark}' + json.dumps(found()))\n"
    ended = bare.run(
        request,
        script.encode(),
        run_id=run_id,
        on_launch=lambda _: None,
        on_line=lines.append,
        python=_INTERPRETER,
    )
    told_of = [line.removeprefix(mark) for line in lines if line.startswith(mark)]
    try:
        answers = json.loads(told_of[0])
    except (IndexError, ValueError, RecursionError):
        answers = None
    if isinstance(answers, dict):
        return answers, ()
    return {}, tidy(ended.completed.tail)[-3:] if ended.launched is not None else (ended.why_not,)
