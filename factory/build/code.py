"""Code from repositories that want a token: fetched here, and sent to the engine as a folder.

BuildKit could fetch it as it fetches all other code, but gives the token to its git as an argument,
which everybody on the engine's host can read in the list of processes.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from factory import git
from factory.model import GIT_SECRET, GitSource, Step

_ADD = re.compile(
    r"^ADD (?P<chown>--chown=\S+ )?(?P<url>https?://\S+\.git)#(?P<commit>[0-9a-f]{40})"
    r"(?::(?P<folder>\S+))? (?P<target>\S+)$",
    re.MULTILINE,
)
_CONTEXT = "factory-code"


def with_code(step: Step, folder: Path) -> tuple[Step, dict[str, Path]]:
    """The step as the engine gets it, and the context with what was fetched for it; the step
    itself and none, if nothing that it adds wants a token.

    An ``ADD`` that is written in another way stays as it is, and BuildKit has the token for it.

    Raises:
        MachineError: git or the token is missing, or a repository cannot be reached.
    """
    token = dict(step.secrets).get(GIT_SECRET)
    wanted = dict.fromkeys(found.group("url", "commit") for found in _ADD.finditer(step.dockerfile))
    if token is None or not wanted:
        return step, {}
    for url, commit in wanted:
        if not (folder / commit).exists():  # one commit is the same wherever it is
            git.fetch(GitSource(url=url, ref=commit, token=token), folder / commit)
    text = _ADD.sub(_copied, step.dockerfile)
    others = tuple(secret for secret in step.secrets if secret[0] != GIT_SECRET)
    wants = ".git" in _added(text) or GIT_SECRET in text  # a RUN may mount it by its name
    left = step.secrets if wants else others
    return replace(step, dockerfile=text, secrets=left), {_CONTEXT: folder}


def _copied(add: re.Match[str]) -> str:
    """The commit is in the path, for the image's history to tell."""
    path = "/".join(("", add["commit"], *filter(None, [add["folder"]])))
    return f"COPY --from={_CONTEXT} {add['chown'] or ''}{path} {add['target']}"


def _added(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.lstrip().upper().startswith("ADD"))
