"""Which verdict stands, and that what is built is what was hashed."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.build import Builder, PackageSources
from factory.context import Contents
from factory.errors import BuildError
from factory.model import Check, CheckStatus, Gate, Read, Status, Step, Verdict
from factory.publish import outranking


def verdict(status: Status, **checks: CheckStatus) -> Verdict:
    made = tuple(Check(name=name, status=found) for name, found in checks.items())
    return Verdict(
        gate=Gate.SCAN, config_digest="sha256:1", basis=status.value, status=status, checks=made
    )


PARTIAL = verdict(Status.PARTIAL, secrets=CheckStatus.PASS, vulnerabilities=CheckStatus.SKIPPED)
VULNERABLE = verdict(Status.FAIL, secrets=CheckStatus.PASS, vulnerabilities=CheckStatus.FAIL)
LEAKY = verdict(Status.FAIL, secrets=CheckStatus.FAIL, vulnerabilities=CheckStatus.SKIPPED)
GOOD = verdict(Status.PASS, secrets=CheckStatus.PASS, vulnerabilities=CheckStatus.PASS)


def test_known_vulnerability_is_not_forgotten_on_a_day_without_a_database() -> None:
    assert outranking(PARTIAL, [PARTIAL, VULNERABLE]) == VULNERABLE


def test_failure_of_what_was_looked_at_again_and_found_well_does_not_outrank() -> None:
    assert outranking(PARTIAL, [LEAKY, PARTIAL]) == PARTIAL


def test_whole_verdict_outranks_everything_before_it() -> None:
    assert outranking(GOOD, [VULNERABLE, PARTIAL]) == GOOD


def test_file_that_changed_after_it_was_hashed_is_not_built(tmp_path: Path) -> None:
    """Else the image would have the key of what is no longer there."""
    file = tmp_path / "images" / "demo" / "app" / "main.py"
    file.parent.mkdir(parents=True)
    file.write_text("one")
    step = Step(
        kind="app",
        name="demo",
        key="a" * 64,
        parent=None,
        dockerfile="FROM scratch\nCOPY app /\n",
        contexts=(("", "images/demo"),),
        reads=(Read(context="", path="app"),),
    )
    contents = Contents(tmp_path)
    contents.digest("images/demo", "app", where="a test")
    builder = Builder(
        root=tmp_path, contents=contents, work=tmp_path / "work", sources=PackageSources()
    )
    file.write_text("two")
    with pytest.raises(BuildError, match="changed after it was read"):
        builder.build(step, rootfs=None, reason="", log=lambda _: None)
