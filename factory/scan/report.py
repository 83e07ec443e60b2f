"""Trivy's JSON read into what the gate judges, and nothing more.

A report also holds the text around every finding and the whole image configuration, secrets
included. Only names, places, rules and severities are taken over: what is not here cannot leak.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from factory.errors import ScanError
from factory.scan.origin import Origin

IMAGE_CONFIGURATION = "the image configuration"
_VARIABLE = re.compile(r'secret (?:env|arg|file)[^"]*"([A-Za-z_][A-Za-z0-9_]{0,63})"')


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """A secret by its place and the rule that found it, never by its text; ``layer`` is the diff id
    of the layer that has it, empty for the image configuration."""

    rule: str
    severity: str
    place: str
    layer: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Misconfiguration:
    """A rule that the image configuration breaks; ``subject`` is the variable, where it is one."""

    rule: str
    severity: str
    title: str
    subject: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Vulnerability:
    """A known vulnerability of an installed package.

    Attributes:
        fixed: the releases that fix it; empty if none does.
        place: the file or the distribution that the package is of.
        layer: the diff id of the layer that brought the package.
        published: when it became known, in ISO 8601; empty if that is not known.
    """

    id: str
    severity: str
    package: str
    installed: str
    fixed: str
    place: str
    layer: str = ""
    published: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What a vulnerability database knows of an image.

    Attributes:
        system: the operating system that was asked for.
        end_of_life: whether nobody mends it any more.
    """

    vulnerabilities: tuple[Vulnerability, ...] = ()
    system: str = ""
    end_of_life: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """All findings on one image that need no vulnerability database.

    Attributes:
        system: the operating system that Trivy recognised, such as ``debian 12.5``; without one it
            compares no package of the system with its database, and says nothing about that.
        size: of all layers, in bytes, unpacked.
        sizes: the same by step, the lowest first, which add up to it; as the engine counts the
            bytes that they take on its disk, where Trivy does not tell the layers' own.
        origins: diff id of a layer to what brought it, as far as that is known.
        java_skipped: its Java archives were not looked into.
    """

    secrets: tuple[Secret, ...] = ()
    misconfigurations: tuple[Misconfiguration, ...] = ()
    system: str = ""
    size: int = 0
    sizes: Mapping[str, int] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    java_skipped: bool = False


def parse(text: str) -> Mapping[str, Any]:
    """Trivy's document as data.

    Raises:
        ScanError: it is not a report of a schema that is known here.
    """
    try:
        document = json.loads(text)
        known = document["SchemaVersion"] == 2
    except (ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise ScanError(
            "Trivy's report is not one that this factory understands",
            todo="use the Trivy that is pinned in pyproject.toml",
        )
    return dict(document)


def of_target(document: Mapping[str, Any], target: str) -> Mapping[str, Any]:
    """The part of a report on several files that is about one."""
    results = document.get("Results") or ()
    return {**document, "Results": [one for one in results if one.get("Target") == target]}


def image_id(document: Mapping[str, Any]) -> str:
    """The digest of the configuration of the image that was scanned."""
    return str((document.get("Metadata") or {}).get("ImageID", ""))


def system(document: Mapping[str, Any]) -> str:
    """The operating system in the image; empty if Trivy recognised none."""
    found = (document.get("Metadata") or {}).get("OS") or {}
    return f"{_text(found, 'Family')} {_text(found, 'Name')}".strip()


def secrets(document: Mapping[str, Any]) -> tuple[Secret, ...]:
    """Every secret found, in the files of any layer or in the image configuration."""
    return tuple(
        Secret(
            rule=_text(one, "RuleID"),
            severity=_text(one, "Severity"),
            place=_at(target, one),
            layer=_layer(one),
        )
        for target, one in _findings(document, "Secrets")
    )


def misconfigurations(document: Mapping[str, Any]) -> tuple[Misconfiguration, ...]:
    """Every rule broken.

    Raises:
        ScanError: nothing was judged at all, which Trivy reports as if all were well.
    """
    judged = [one for one in document.get("Results") or () if one.get("Type") == "dockerfile"]
    if not any((one.get("MisconfSummary") or {}).get("Successes") for one in judged):
        raise ScanError(
            "Trivy judged no rule of the image configuration",
            todo="report this with the image's configuration (`docker image inspect`)",
        )
    return tuple(
        Misconfiguration(
            rule=_text(one, "ID"),
            severity=_text(one, "Severity"),
            title=_text(one, "Title"),
            subject=_variable(str(one.get("Message", ""))),
        )
        for _, one in _findings(document, "Misconfigurations")
        if one.get("Status", "FAIL") == "FAIL"
    )


def known(document: Mapping[str, Any]) -> Known:
    """Every known vulnerability of every package that Trivy recognised, and whether the operating
    system still gets fixes, which Trivy tells where it judges by a database, and only there."""
    found = (document.get("Metadata") or {}).get("OS") or {}
    return Known(
        vulnerabilities=tuple(_vulnerabilities(document)),
        system=system(document),
        end_of_life=bool(found.get("EOSL")),
    )


def _vulnerabilities(document: Mapping[str, Any]) -> Iterator[Vulnerability]:
    yield from (
        Vulnerability(
            id=_text(one, "VulnerabilityID"),
            severity=_text(one, "Severity"),
            package=_text(one, "PkgName"),
            installed=_text(one, "InstalledVersion"),
            fixed=_text(one, "FixedVersion"),
            place=_text(one, "PkgPath") or target,
            layer=_layer(one),
            published=_text(one, "PublishedDate"),
        )
        for target, one in _findings(document, "Vulnerabilities")
    )


def size(document: Mapping[str, Any]) -> int:
    """Of all layers of the image, in bytes, unpacked."""
    return int((document.get("Metadata") or {}).get("Size") or 0)


def layers(document: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Diff id and bytes, unpacked, of each layer, the lowest first; empty where Trivy does not tell
    them."""
    listed = (document.get("Metadata") or {}).get("Layers") or ()
    found = [(_text(one, "DiffID"), int(one.get("Size") or 0)) for one in listed]
    return found if any(size for _, size in found) else []


def _layer(finding: Mapping[str, Any]) -> str:
    return _text(finding.get("Layer") or {}, "DiffID")


def _findings(document: Mapping[str, Any], kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    artifact = str(document.get("ArtifactName", ""))
    for result in document.get("Results") or ():
        target = str(result.get("Target", ""))
        for finding in result.get(kind) or ():
            yield _place(target, artifact), finding


def _place(target: str, artifact: str) -> str:
    """A file's path; Trivy calls the image itself, and its distribution, by the artefact's name."""
    if target == artifact:
        return IMAGE_CONFIGURATION
    return printable(target.removeprefix(f"{artifact} ").strip("()"))


def _at(target: str, finding: Mapping[str, Any]) -> str:
    line = finding.get("StartLine")
    located = isinstance(line, int) and line > 0 and target != IMAGE_CONFIGURATION
    return f"{target}:{line}" if located else target


def _variable(message: str) -> str:
    found = _VARIABLE.search(message)
    return found.group(1) if found else ""


def _text(finding: Mapping[str, Any], key: str) -> str:
    return printable(str(finding.get(key) or ""))


def printable(text: str) -> str:
    """File names come out of an image: nothing in them may steer a terminal or a log."""
    return "".join(char if char.isprintable() else "�" for char in text)[:300]
