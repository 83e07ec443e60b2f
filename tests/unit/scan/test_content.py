"""What is in two images, compared: packages, findings and bytes."""

from __future__ import annotations

from factory.model import Content, difference
from factory.report.differences import difference_document, difference_text
from factory.scan.content import content
from factory.scan.origin import UPSTREAM, on_disk
from factory.scan.report import Known, Misconfiguration, Report, Secret, Vulnerability

MATERIALS = {
    "components": [
        {"type": "operating-system", "name": "debian", "version": "12.5"},
        {"name": "zlib1g", "version": "1:1.2", "purl": "pkg:deb/debian/zlib1g@1.2?epoch=1"},
        {"name": "numpy", "version": "2.0", "purl": "pkg:pypi/numpy@2.0"},
        {"name": "numpy", "version": "1.0", "purl": "pkg:pypi/numpy@1.0"},
    ]
}
FLAW = Vulnerability(
    id="CVE-1", severity="LOW", package="zlib1g", installed="1:1.2", fixed="", place="debian"
)


def test_all_that_is_in_an_image() -> None:
    report = Report(
        secrets=(Secret(rule="private-key", severity="HIGH", place="/key"),),
        misconfigurations=(Misconfiguration(rule="DS-1", severity="LOW", title="t", subject="A"),),
        sizes={"base": 3},
    )
    found = content(report, Known(vulnerabilities=(FLAW,)), MATERIALS)
    assert found == Content(
        packages={"deb zlib1g": "1:1.2", "pypi numpy": "1.0, 2.0"},
        findings=frozenset(
            {"secret: private-key in /key", "LOW DS-1: t (A)", "LOW CVE-1 in zlib1g 1:1.2"}
        ),
        judged=True,
        sizes={"base": 3},
    )
    assert not content(report, None, {}).judged


ONE = Content(
    packages={"pypi a": "1", "pypi b": "1", "pypi c": "1"},
    findings=frozenset({"LOW CVE-1 in a", "LOW CVE-2 in b"}),
    sizes={"base": 2**20, "app": 0},
)
OTHER = Content(
    packages={"pypi a": "1", "pypi b": "2", "pypi d": "1"},
    findings=frozenset({"LOW CVE-2 in b", "HIGH CVE-3 in d"}),
    sizes={"base": 2**20, "rllib": 2**21},
    judged=False,
)


def test_what_is_equal_is_not_shown() -> None:
    text = difference_text("one", "other", difference(ONE, OTHER))
    assert text.split("\n") == [
        "from one to other",
        "",
        "PACKAGE  FROM  TO",
        "pypi b   1     2",
        "pypi c   1     –",
        "pypi d   –     1",
        "",
        "FINDINGS",
        "+ HIGH CVE-3 in d",
        "- LOW CVE-1 in a",
        "",
        "vulnerabilities were not compared: there is no database (`invoke db fetch`)",
        "",
        "STEP   FROM     TO       MORE",
        "base   1.0 MiB  1.0 MiB  +0.0 MiB",
        "app    0.0 MiB  0.0 MiB  +0.0 MiB",
        "rllib  0.0 MiB  2.0 MiB  +2.0 MiB",
        "all    1.0 MiB  3.0 MiB  +2.0 MiB",
    ]


def test_an_image_does_not_differ_from_itself() -> None:
    found = difference(ONE, ONE)
    assert (found.packages, found.new, found.gone, found.judged) == ({}, (), (), True)


def test_the_same_as_a_document() -> None:
    found = difference_document("one", "other", difference(ONE, OTHER))
    assert found["packages"][0] == {"name": "pypi b", "from": "1", "to": "2"}
    assert found["findings"] == {
        "new": ["HIGH CVE-3 in d"],
        "gone": ["LOW CVE-1 in a"],
        "judged": False,
    }
    assert found["sizes"][-1] == {"step": "rllib", "from": 0, "to": 2**21}


def test_bytes_are_added_up_by_step() -> None:
    history = [
        ("ADD rootfs", 5),
        ("LABEL io.ray-image-factory.step=base", 0),
        ("RUN a", 1),
        ("RUN b", 2),
        ("LABEL io.ray-image-factory.step=app:mine", 0),
        ("COPY c", 4),
    ]
    assert on_disk(history) == {"base": 8, "mine": 4}
    assert on_disk(history[:1]) == {UPSTREAM: 5}
