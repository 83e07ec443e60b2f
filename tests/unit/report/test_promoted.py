"""What is printed of a promotion and of collecting, and that its documents are as documented."""

from __future__ import annotations

import json
import re
from typing import Any

from factory.model import Collected, Decision, Journal, Move, Outcome, Promoted, State
from factory.report.collected import collected_document, collected_text
from factory.report.promoted import promoted_document, promoted_text
from tests.conftest import ROOT

BUILD = "demo:2.60.0-py311-cpu"
MOVE = Move(target="prod", repository="h/demo", tag="latest", before=None, after="sha256:a")


def promoted(image: State, tags: State, **more: Any) -> Promoted:
    failed: dict[str, Any] = (
        {"code": 6, "detail": ("it did not", "  → wait")} if image is State.FAILED else {}
    )
    return Promoted(
        source="staging",
        target="prod",
        outcomes=(
            Outcome(verb="promote", subject=BUILD, state=image, reason="why", **failed),
            Outcome(verb="move", subject="group", state=tags, reason=f"promote {BUILD} failed"),
        ),
        groups={BUILD: "group"},
        journals=(
            Journal(run="r", group="group", publications=(), moves=(MOVE,), at="", window=0.1),
        ),
        **more,
    )


def test_a_row_says_what_became_of_image_and_tags() -> None:
    text = promoted_text(promoted(State.DONE, State.DONE, sent=2, sent_bytes=3_000_000, mounted=1))
    assert re.search(rf"✓ {BUILD} +copied +moved", text)
    assert text.endswith("staging → prod: 1 blobs mounted, 2 blobs sent (3.0 MB)")


def test_a_failure_is_told_in_full_and_what_is_absent_too() -> None:
    text = promoted_text(promoted(State.FAILED, State.BLOCKED, absent=("other:cell",)))
    assert re.search(rf"✗ {BUILD} +failed +blocked +why", text)
    assert "– other:cell" in text
    assert "it did not" in text
    assert "→ wait" in text


def decision(*, keep: bool) -> Decision:
    digest = f"sha256:{'a' if keep else 'b'}".ljust(71, "0")
    return Decision(
        repository="h/demo", digest=digest, tags=("t",), build_id=BUILD, keep=keep, why="why",
        attached=("s",),
    )  # fmt: skip  # only there to be printed


def test_what_goes_is_counted_and_how_to_have_it_go_is_told() -> None:
    both = (decision(keep=True), decision(keep=False))
    assert "1 kept, 1 to remove: run again with --apply" in collected_text(
        Collected(target="prod", decisions=both)
    )
    why = "Docker Hub removes nothing: do it so"
    text = collected_text(Collected(target="prod", decisions=both, hindrance=why))
    assert text.endswith(
        "1 kept, 1 that nothing keeps, and that stay. Docker Hub removes nothing: do it so"
    )
    assert "--apply" not in text
    done = Collected(target="prod", decisions=both, removed=(both[1].digest,), applied=True)
    assert "1 removed, 1 kept" in collected_text(done)
    nothing = collected_text(Collected(target="prod", decisions=()))
    assert nothing == "nothing of what is selected is known to be at prod"


def shape(value: object) -> object:
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    return [shape(item) for item in value[:1]] if isinstance(value, list) else "…"


def test_the_examples_of_json_have_the_shape_of_what_is_printed() -> None:
    page = (ROOT / "docs" / "promote.md").read_text("utf-8")
    examples = [json.loads(one) for one in re.findall(r"^```json\n(.*?)^```", page, re.S | re.M)]
    found = promoted_document(promoted(State.FAILED, State.BLOCKED, absent=("other",)))
    gone = collected_document(Collected(target="prod", decisions=(decision(keep=False),)))
    assert [shape(one) for one in examples] == [shape(found), shape(gone)]
