"""Errors: what, where, what next; and which exit code several of them have together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory import errors
from factory.errors import BuildError, ConfigError, ConfigErrors, FactoryError, exit_code_of

PROMISED = {
    "FactoryError": 1,
    "ConfigError": 2,
    "ConfigErrors": 2,
    "BuildError": 3,
    "ScanError": 4,
    "VerifyError": 5,
    "PublishError": 6,
    "RegistryError": 6,
    "MachineError": 7,
    "Interrupted": 130,
}


def test_each_kind_has_the_promised_code() -> None:
    kinds = {
        name: kind.exit_code
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, FactoryError)
    }
    assert kinds.items() >= PROMISED.items()


@pytest.mark.parametrize(
    ("codes", "together"),
    [
        ([], 0),
        ([0, 0], 0),
        ([0, 5, 0], 5),
        ([6, 3, 4], 3),
        ([5, 7], 5),
        ([3, 130, 2], 130),
        ([130], 130),
    ],
)
def test_the_earliest_gate_decides_and_an_interrupt_outranks_it(
    codes: list[int], together: int
) -> None:
    assert exit_code_of(codes) == together


@given(st.lists(st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 130])), st.randoms())
def test_order_is_no_matter_and_a_failure_is_never_a_success(
    codes: list[int], random: object
) -> None:
    together = exit_code_of(codes)
    assert together == exit_code_of(reversed(codes))
    assert (together == 0) == (not any(codes))


def test_a_message_has_place_details_and_next_step() -> None:
    error = BuildError("it failed", where="a:1:2", todo="mend it", detail=["last", "lines"])
    assert str(error) == "a:1:2: it failed\n  | last\n  | lines\n  → mend it"
    assert str(FactoryError("alone")) == "alone"


def test_a_tools_output_in_a_message_cannot_touch_the_terminal() -> None:
    error = BuildError("\x1b[2Jit", where="a\x07", todo="\x9bb", detail=["\x1b]0;x\x07c"])
    assert str(error) == "a: it\n  | c\n  → b"
    assert error.detail == ("c",)


def test_a_message_that_quotes_a_long_text_fits_a_screen() -> None:
    error = ConfigError(f"no {'x' * 9_000} here", where="y" * 9_000, todo="mend it")
    assert len(str(error)) < 3_100
    assert error.what.startswith("no xxx")
    assert error.what.endswith("x here")


def test_many_mistakes_fit_a_screen() -> None:
    error = ConfigErrors(ConfigError(f"no {number}", todo="mend it") for number in range(40))
    assert len(str(error).splitlines()) == 21
    assert str(error).endswith("and 30 more mistakes")
    assert len(error.errors) == 40
    assert str(ConfigErrors([ConfigError("one")])) == "one"
