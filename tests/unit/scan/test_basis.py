"""A verdict is reused only on the basis that it was made on."""

from __future__ import annotations

from datetime import date

from factory.model import Build, Cell, Exemption, ScanPolicy, SizeBudget
from factory.scan import basis_of
from factory.scan.basis import parts

POLICY = ScanPolicy()
DATABASE = "2@2026-05-08T12:00:00+00:00"
TODAY = date(2026, 5, 8)
TOMORROW = date(2026, 5, 9)
BUILD = Build(image="ray-app", cell=Cell(python="3.11", ray="2.60.0", device="cpu"))


def basis(
    policy: ScanPolicy = POLICY,
    trivy: str = "0.76.0",
    database: str = DATABASE,
    today: date = TODAY,
) -> str:
    return basis_of(parts(policy, trivy, database, today))


def test_the_same_basis_is_the_same_digest() -> None:
    again = ScanPolicy(misconfigurations=frozenset({"HIGH", "CRITICAL"}))
    assert basis(again) == basis()
    assert basis().startswith("sha256:")


def test_each_part_changes_it() -> None:
    others = {
        basis(ScanPolicy(ignore_unfixed=False)),
        basis(ScanPolicy(inherited=frozenset())),
        basis(trivy="0.77.0"),
        basis(database="2@2026-05-09T12:00:00+00:00"),
        basis(database=""),
    }
    assert len(others | {basis()}) == 6


def test_the_day_counts_only_where_the_policy_goes_by_it() -> None:
    assert basis(today=TOMORROW) != basis(), "systems come to the end of their lives"
    timeless = ScanPolicy(end_of_life=False)
    assert basis(timeless, today=TOMORROW) == basis(timeless)
    graceful = ScanPolicy(end_of_life=False, grace_days={"CRITICAL": 7})
    assert basis(graceful, today=TOMORROW) != basis(graceful)


def test_a_database_for_java_changes_it() -> None:
    java = basis_of(parts(POLICY, "0.76.0", DATABASE, TODAY, java=True))
    assert java != basis()


def test_what_is_about_other_images_changes_nothing() -> None:
    elsewhere = ScanPolicy(
        exemptions=(Exemption(id="CVE-1", reason="r", until="2027-01-31", images=("other*",)),),
        sizes=(SizeBudget(mebibytes=1, image="other"),),
    )
    assert basis(elsewhere.of(BUILD)) == basis(POLICY.of(BUILD))
    here = ScanPolicy(sizes=(SizeBudget(mebibytes=9), SizeBudget(mebibytes=1, image="ray-app")))
    assert here.of(BUILD).sizes == (SizeBudget(mebibytes=1),)
