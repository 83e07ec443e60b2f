"""The budget of the cold start, as users write it."""

from __future__ import annotations

import pytest

from factory.errors import ConfigError
from factory.matrix import parse_matrix
from factory.model import Budget

MATRIX = """\
axes: {python: ["3.11"], ray: ["2.60.0"]}
base: {epoch: "1"}
targets: {local: {kind: local}}
"""


def budget(text: str) -> Budget:
    return parse_matrix(f"{MATRIX}verify: {text}\n", registry="127.0.0.1:5000")[0].cold_start


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{}", Budget()),
        ("{cold_start: {}}", Budget()),
        ("{cold_start: {full: 15}}", Budget(full=15)),
        ("{cold_start: {full: 7.5, throttled: 600}}", Budget(full=7.5, throttled=600)),
    ],
)
def test_each_half_may_be_left_out(text: str, found: Budget) -> None:
    assert budget(text) == found


@pytest.mark.parametrize(
    "value", ["0", "-1", "121", "'15'", "true", "fast", ".nan", ".inf", "[15]"]
)
def test_all_but_a_number_of_seconds_that_can_be_waited_for_is_refused_with_its_place(
    value: str,
) -> None:
    with pytest.raises(ConfigError, match=r"verify\.cold_start\.full") as refused:
        budget(f"{{cold_start: {{full: {value}}}}}")
    assert "matrix.yaml:4:23" in str(refused.value)
