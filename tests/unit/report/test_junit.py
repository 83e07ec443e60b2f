"""JUnit XML: valid whatever a check says, and counted right."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from factory.model import Check, CheckStatus, Gate, Status, Verdict
from factory.report.junit import junit, write_junit

BUILD = "demo:2.60.0-py311-cpu"
checks = st.builds(
    Check,
    name=st.text(),
    status=st.sampled_from(CheckStatus),
    seconds=st.floats(0, 1e6),
    reason=st.text(st.characters()),
    detail=st.lists(st.text(st.characters()), max_size=3).map(tuple),
)


def verdict(*of: Check, gate: Gate = Gate.VERIFY) -> Verdict:
    return Verdict(
        gate=gate,
        config_digest="sha256:" + "0" * 64,
        basis="b",
        status=Status.PASS,
        checks=of,
        seconds=1.5,
        at="2026-11-21T00:00:00+00:00",
    )


@given(st.lists(checks, max_size=4))
def test_it_is_valid_xml_and_counts_what_is_in_it(found: list[Check]) -> None:
    root = ElementTree.fromstring(junit(BUILD, [verdict(*found)]))
    (suite,) = root
    assert suite.attrib["tests"] == str(len(found)) == str(len(suite))
    assert suite.attrib["failures"] == str(len(suite.findall("testcase/failure")))
    assert suite.attrib["skipped"] == str(len(suite.findall("testcase/skipped")))


def test_a_skipped_check_is_no_pass_and_a_failure_tells_why() -> None:
    found = (
        Check(name="nodes", status=CheckStatus.PASS, seconds=0.25),
        Check(
            name="jobs-api",
            status=CheckStatus.FAIL,
            reason="no answer\x1b[0m \x00 <&> \U0001f4a5",
            detail=("line 1", "line 2"),
        ),
        Check(name="torch", status=CheckStatus.SKIPPED, reason="no RLlib here"),
    )
    text = junit(BUILD, [verdict(*found), verdict(gate=Gate.SCAN)])
    root = ElementTree.fromstring(text)
    assert [suite.attrib["name"] for suite in root] == [f"{BUILD} verify", f"{BUILD} scan"]
    nodes, jobs, torch = root[0]
    assert (nodes.attrib["time"], len(nodes)) == ("0.250", 0)
    assert jobs[0].tag == "failure"
    assert jobs[0].attrib["message"] == "no answer?[0m ? <&> \U0001f4a5"
    assert jobs[0].text == "line 1\nline 2"
    assert (torch[0].tag, torch[0].attrib["message"]) == ("skipped", "no RLlib here")


def test_the_file_is_whole_readable_and_the_only_one(tmp_path: Path) -> None:
    for _ in range(2):
        path = write_junit(tmp_path / "reports", BUILD, [verdict()])
    assert list((tmp_path / "reports").iterdir()) == [path]
    assert path.name == "demo_2.60.0-py311-cpu.xml"
    assert path.stat().st_mode & 0o777 == 0o644
    ElementTree.parse(path)
