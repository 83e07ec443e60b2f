"""Verdicts as JUnit XML, which every CI can show."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from xml.etree import ElementTree

from factory.model import Check, CheckStatus, Gate, Verdict

_NONE: Mapping[str, str] = MappingProxyType({})
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(build_id: str, verdicts: Iterable[Verdict], notes: Mapping[str, str] = _NONE) -> str:
    """One suite a gate, one case a check; durations in seconds.

    Args:
        notes: properties of the suite that times how workers start.
    """
    root = ElementTree.Element("testsuites", name=build_id)
    for verdict in verdicts:
        skipped = sum(check.status is CheckStatus.SKIPPED for check in verdict.checks)
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=f"{build_id} {verdict.gate.value}",
            tests=str(len(verdict.checks)),
            failures=str(len(verdict.failures)),
            skipped=str(skipped),
            time=f"{verdict.seconds:.3f}",
            timestamp=verdict.at,
        )
        if notes and verdict.gate is Gate.COLD_START:
            properties = ElementTree.SubElement(suite, "properties")
            for name, value in notes.items():
                ElementTree.SubElement(properties, "property", name=name, value=_xml(value))
        for check in verdict.checks:
            _case(suite, f"{build_id}.{verdict.gate.value}", check)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def write_junit(
    folder: Path,
    build_id: str,
    verdicts: Iterable[Verdict],
    notes: Mapping[str, str] = _NONE,
    *,
    name: str = "",
) -> Path:
    """Write ``<build id>.xml``, or what else it is to be named after, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{(name or build_id).replace(':', '_')}.xml"
    with tempfile.NamedTemporaryFile("w", dir=folder, delete=False, encoding="utf-8") as file:
        file.write(junit(build_id, verdicts, notes))
    written = Path(file.name)
    written.chmod(0o644)
    return written.replace(path)


def _case(suite: ElementTree.Element, group: str, check: Check) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", classname=group, name=_xml(check.name), time=f"{check.seconds:.3f}"
    )
    if check.status is not CheckStatus.PASS:
        tag = "failure" if check.status is CheckStatus.FAIL else "skipped"
        note = ElementTree.SubElement(case, tag, message=_xml(check.reason))
        note.text = _xml("\n".join(check.detail))


def _xml(text: str) -> str:
    return _NOT_XML.sub("?", text)
