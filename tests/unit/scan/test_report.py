"""Trivy's JSON, read for names and places and never for a secret's text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from factory.errors import ScanError
from factory.scan import report

HIDDEN = "s3cr3t-value-that-must-not-travel"


def document(**result: Any) -> dict[str, Any]:
    return {
        "SchemaVersion": 2,
        "ArtifactName": "/tmp/image.tar",
        "Metadata": {
            "ImageID": "sha256:" + "a" * 64,
            "ImageConfig": {"config": {"Env": [f"TOKEN={HIDDEN}"]}},
        },
        "Results": [result],
    }


def secret(target: str, line: int = 7) -> dict[str, Any]:
    finding = {
        "RuleID": "aws-access-key-id",
        "Severity": "CRITICAL",
        "Title": HIDDEN,
        "Match": HIDDEN,
        "StartLine": line,
        "Code": {"Lines": [{"Content": HIDDEN}]},
    }
    return document(Target=target, Class="secret", Secrets=[finding])


def misconfiguration(message: str, **more: Any) -> dict[str, Any]:
    finding = {
        "ID": "DS-0031",
        "Severity": "CRITICAL",
        "Status": "FAIL",
        "Title": "Secrets in variables",
        "Message": message,
        "CauseMetadata": {"Code": {"Lines": [{"Content": f'ENV TOKEN="{HIDDEN}"'}]}},
    }
    return document(
        Target="Dockerfile",
        Class="config",
        Type="dockerfile",
        MisconfSummary={"Successes": 20, "Failures": 1},
        Misconfigurations=[finding | more],
    )


def test_a_secret_is_known_by_rule_and_place_alone() -> None:
    (found,) = report.secrets(secret("/app/settings.ini"))
    assert found == report.Secret(
        rule="aws-access-key-id", severity="CRITICAL", place="/app/settings.ini:7"
    )


def test_nothing_taken_from_a_report_holds_a_secrets_text() -> None:
    taken = [
        report.secrets(secret("/app/settings.ini")),
        report.secrets(secret("/tmp/image.tar")),
        report.misconfigurations(misconfiguration(f'RUN echo "{HIDDEN}"')),
    ]
    assert HIDDEN not in repr(taken)


def test_a_secret_in_the_image_itself_is_placed_in_its_configuration() -> None:
    (found,) = report.secrets(secret("/tmp/image.tar"))
    assert found.place == report.IMAGE_CONFIGURATION


def test_control_characters_in_a_file_name_do_not_reach_a_terminal() -> None:
    (found,) = report.secrets(secret("/app/\x1b[2Jx\n"))
    assert found.place == "/app/�[2Jx�:7"


def test_a_misconfigured_variable_is_named() -> None:
    message = 'Possible exposure of secret env "GITHUB_TOKEN" in ENV'
    (found,) = report.misconfigurations(misconfiguration(message))
    assert found.subject == "GITHUB_TOKEN"


def test_a_rule_that_passed_is_no_misconfiguration() -> None:
    assert report.misconfigurations(misconfiguration("", Status="PASS")) == ()


def test_a_configuration_of_which_no_rule_was_judged_is_not_taken_for_clean() -> None:
    with pytest.raises(ScanError, match="judged no rule"):
        report.misconfigurations({"SchemaVersion": 2, "Results": []})


def test_a_vulnerability_without_a_fix_has_an_empty_one() -> None:
    flaw = {
        "VulnerabilityID": "CVE-2026-1",
        "PkgName": "zlib1g",
        "InstalledVersion": "1.2",
        "Severity": "HIGH",
    }
    target = "/tmp/image.tar (debian 12.5)"
    (found,) = report.known(document(Target=target, Vulnerabilities=[flaw])).vulnerabilities
    assert (found.fixed, found.place) == ("", "debian 12.5")


def test_the_image_is_identified_by_its_configuration() -> None:
    assert report.image_id(secret("x")) == "sha256:" + "a" * 64
    assert report.image_id({"SchemaVersion": 2}) == ""


def test_the_operating_system_is_named_where_there_is_one() -> None:
    found = {"Metadata": {"OS": {"Family": "debian", "Name": "12.5"}}}
    assert report.system(found) == "debian 12.5"
    assert report.system(secret("x")) == ""


def test_null_lists_are_empty_lists() -> None:
    assert report.secrets({"SchemaVersion": 2, "Results": None}) == ()
    assert report.secrets(document(Target="x", Secrets=None)) == ()


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", json.dumps({"SchemaVersion": 9})])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(ScanError, match="not one that this factory understands"):
        report.parse(text)


def test_a_report_on_several_files_is_taken_apart_by_file() -> None:
    several = {
        "SchemaVersion": 2,
        "Results": [
            {"Target": f"{at}/Dockerfile", "Type": "dockerfile", "MisconfSummary": {"Successes": 9}}
            | ({"Misconfigurations": [misconfiguration("m")]} if at else {})
            for at in range(2)
        ],
    }
    clean, dirty = (report.of_target(several, f"{at}/Dockerfile") for at in range(2))
    assert report.misconfigurations(clean) == ()
    assert len(report.misconfigurations(dirty)) == 1
    with pytest.raises(ScanError, match="judged no rule"):
        report.misconfigurations(report.of_target(several, "2/Dockerfile"))


def test_layers_are_told_with_their_bytes_or_not_at_all() -> None:
    listed = [{"DiffID": "sha256:a", "Size": 5}, {"DiffID": "sha256:b"}]
    assert report.layers({"Metadata": {"Layers": listed}}) == [("sha256:a", 5), ("sha256:b", 0)]
    assert report.layers({"Metadata": {"Layers": [{"DiffID": "sha256:a"}]}}) == []
    assert report.layers({}) == []
