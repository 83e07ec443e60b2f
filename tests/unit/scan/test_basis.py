"""A verdict is reused only on the basis that it was made on."""

from __future__ import annotations

from factory.model import ScanPolicy
from factory.scan import basis

BASIS = basis(ScanPolicy(), "0.76.0", "2@2026-05-08T12:00:00+00:00")


def test_the_same_basis_is_the_same_digest() -> None:
    again = ScanPolicy(misconfigurations=frozenset({"HIGH", "CRITICAL"}))
    assert basis(again, "0.76.0", "2@2026-05-08T12:00:00+00:00") == BASIS
    assert BASIS.startswith("sha256:")


def test_each_part_changes_it() -> None:
    others = {
        basis(ScanPolicy(ignore_unfixed=False), "0.76.0", "2@2026-05-08T12:00:00+00:00"),
        basis(ScanPolicy(), "0.77.0", "2@2026-05-08T12:00:00+00:00"),
        basis(ScanPolicy(), "0.76.0", "2@2026-05-09T12:00:00+00:00"),
        basis(ScanPolicy(), "0.76.0", ""),
    }
    assert len(others | {BASIS}) == 5
