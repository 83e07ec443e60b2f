"""Findings as SARIF 2.1.0, which code hosts show beside the code: pure.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from factory.scan.ruling import Ruling

_UNFIT = re.compile(r"[^A-Za-z0-9._~/-]")
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_SCORES = {"CRITICAL": "9.5", "HIGH": "8.0", "MEDIUM": "5.5", "LOW": "2.0"}
"""A number in the middle of CVSS's range for a severity, by which code hosts sort."""


def sarif(subject: str, rulings: Sequence[Ruling], version: str) -> Mapping[str, Any]:
    """A log of one run over one image.

    What refuses is an error, what is accepted a note; what is exempt is suppressed, with the reason
    of whoever exempted it.

    Args:
        subject: the image, in words.
        version: of Trivy.
    """
    rules = {ruling.id: _rule(ruling) for ruling in rulings}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "ray-image-factory",
                        "semanticVersion": version,
                        "rules": list(rules.values()),
                    }
                },
                "results": [_result(subject, ruling) for ruling in rulings],
            }
        ],
    }


def _rule(ruling: Ruling) -> dict[str, Any]:
    score = _SCORES.get(ruling.severity)
    return {
        "id": ruling.id,
        "shortDescription": {"text": f"{ruling.severity} {ruling.id}"},
        **({"properties": {"security-severity": score}} if score else {}),
    }


def _result(subject: str, ruling: Ruling) -> dict[str, Any]:
    exempt = [{"kind": "external", "justification": ruling.exempt}] if ruling.exempt else []
    return {
        "ruleId": ruling.id,
        "level": "error" if ruling.refuses else "note",
        "message": {"text": f"{subject}: {ruling}"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(ruling.place)}}}],
        **({"suppressions": exempt} if exempt else {}),
    }


def _uri(place: str) -> str:
    """A place as a relative reference: hosts drop results without one."""
    return _UNFIT.sub(_encoded, place.lstrip("/"))


def _encoded(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())
