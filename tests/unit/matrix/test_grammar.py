"""The allow-list: nothing that it admits can end a string, start an option or be expanded."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from factory.matrix import grammar
from factory.matrix.grammar import allowed, shown

KINDS = sorted(grammar._PATTERNS)
GOOD = {
    "apt package": ["libjemalloc2", "g++", "python3.11", "curl=7.88.1-10+deb12u8", "xz=2:1.0~rc1"],
    "axis name": ["cuda", "torch_flavour"],
    "axis value": ["12.4", "v1_2"],
    "cuda release": ["cuda130", "cuda128"],
    "day": ["2027-01-31", "2026-12-01"],
    "epoch": ["2026-11", "1"],
    "extra": ["default", "cgraph-2"],
    "finding": ["CVE-2026-1234", "DS-0026", "GHSA-x2y3-4zab-5cde", "AVD-DS-0002"],
    "glob": ["*", "ray-*", "a?"],
    "git ref": ["main", "v1.2", "feature/x-1", "a" * 40],
    "git repository": [
        "https://code.example/team/app.git",
        "http://127.0.0.1:8080/a_b/c.d-e.git",
    ],
    "index": ["https://wheels.example/simple", "http://127.0.0.1:8080/whl/cpu/"],
    "key": ["keys/cosign.key", "/etc/keys/a.key", "env://COSIGN_KEY"],
    "mirror": ["mirror.example", "127.0.0.1:5000/hub", "mirror.example/a/b-c"],
    "address": ["registry.example", "127.0.0.1:5000/team", "registry.example:8443/a/b-c"],
    "prefix": ["ray", "team/ray_2"],
    "namespace": ["acme", "acme-corp_1"],
    "account": ["123456789012"],
    "region": ["eu-central-1", "us-gov-west-1", "ap-southeast-2"],
    "KMS key": ["alias/images", "arn:aws:kms:eu-central-1:123456789012:key/1a2b-3c"],
    "tag filter": ["latest", "*-cpu", "a*b*"],
    "template": ["{image}", "{cell}-{key}", "team/{image}", "v1.0_{ray}"],
    "name": ["ray-app", "a.b_c"],
    "absolute path": ["/data", "/home/ray/.cache/x_1", "/var/lib/a-b.c+d"],
    "package": ["zlib1g", "libstdc++6", "com.fasterxml:jackson", "@scope/name", "PyYAML"],
    "path": ["app", "src/app_1/main.py", "wheels/ray-2.60.0+local-cp311.whl"],
    "python version": ["3.9", "3.14"],
    "ray version": ["2.60.0", "2.61.0rc1"],
    "torch version": ["2.13.0", "2.13.0+cpu", "2.9.1+cu128"],
    "text": ["It's a batch job (v2): 50% faster!", "a=b, <c>"],
    "variable name": ["RAY_X", "_a1"],
    "variable value": ["", "a b", "/usr/lib:/lib", "x=1,y=2"],
}
BAD = {
    "apt package": ["procps-", "procps=1-", "a", "Vim", "vim=", "vim nano", "vim/bookworm", "*"],
    "axis value": ["a-b", "", "A"],
    "cuda release": ["cuda13", "13.0", "cu130", "cuda230", "cuda1300"],
    "day": ["2027-1-31", "2027-13-01", "tomorrow", "20270131"],
    "epoch": [".", "a b"],
    "finding": ["CVE-", "-1", "CVE 1", ""],
    "glob": ["", "A*", "ray/*", "[a-z]"],
    "package": ["", "-r", "a b"],
    "key": ["", "-k", "../key", "a/../b", "env://", "env://A-B", "https://x.example/key"],
    "extra": ["default,serve", "[default]"],
    "git ref": ["a..b", "/a", "a/", "a//b", ".a", "x.lock", "a b", "-a", "a~1", "a^", "a:b"],
    "git repository": [
        "https://me:secret@code.example/app.git",
        "https://code.example/app",
        "https://code.example/app.git#main",
        "https://code.example/../app.git",
        "git@code.example:app.git",
        "ssh://code.example/app.git",
        "file:///app.git",
        "https://code.example/app.git?x=1",
    ],
    "index": [
        "https://me:secret@wheels.example/simple",
        "file:///wheels",
        "wheels.example",
        "-i x",
    ],
    "mirror": [
        "https://mirror.example",
        "mirror.example/",
        "-a.b/x",
        "me@mirror.example",
        "a:b/c",
        "a//b",
        "harbor",
        "harbor/hub",  # a user of Docker Hub, to whom the image would belong
    ],
    "address": ["https://registry.example", "harbor/team", "me:x@a.example", "a.example/", ""],
    "prefix": ["/ray", "ray/", "Ray", "a//b", ""],
    "namespace": ["a/b", "-a", "A", ""],
    "account": ["12345678901", "1234567890123", "12345678901a"],
    "region": ["eu", "eu-central", "EU-central-1", "eu-central-1a"],
    "KMS key": ["", "alias/", "a b", "-a"],
    "tag filter": ["", "a*b*c*", "-a", "a/b", "a?"],
    "template": ["", "-{cell}", "{ cell }", "{{ cell | upper }}", "{cell!r}", "{cell[0]}", "a:b"],
    "name": ["a--b", "a/b", "A", ".a", "a.", ""],
    "absolute path": [
        "data",
        "/",
        "/a/../b",
        "/a/.",
        "/a//b",
        "/a/",
        "/a b",
        "~/x",
        "/a:ro",
        "/a,b",
    ],
    "path": ["../x", "a/../b", "/etc", "a//b", "a/", ".git", "a b", "~", "."],
    "python version": ["3", "3.110", "2.7", "3.11.2"],
    "ray version": ["2.60", "latest", "2.60.0-py311", "v2.60.0"],
    "torch version": ["2.13", "2.13.0+cu", "2.13.0+rocm6", ">=2.13.0", "nightly"],
    "variable name": ["1A", "A-B", "A=B"],
}
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\"\\$`]")


@pytest.mark.parametrize(("kind", "value"), [(k, v) for k, vs in GOOD.items() for v in vs])
def test_what_people_write_is_admitted(kind: str, value: str) -> None:
    assert allowed(kind, value)


@pytest.mark.parametrize(("kind", "value"), [(k, v) for k, vs in BAD.items() for v in vs])
def test_what_has_another_form_is_refused(kind: str, value: str) -> None:
    assert not allowed(kind, value)


def test_every_kind_has_examples() -> None:
    assert set(GOOD) == set(KINDS)


@given(st.sampled_from(KINDS), st.data())
def test_no_admitted_string_is_unsafe(kind: str, data: st.DataObject) -> None:
    pattern, longest, _ = grammar._PATTERNS[kind]
    value = data.draw(st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True))
    assert not UNSAFE.search(value)
    assert not value.startswith("-")
    assert value.isascii()
    if kind != "text":
        assert "'" not in value
    assert allowed(kind, value) == (len(value) <= longest)


@given(st.sampled_from(KINDS), st.text(max_size=80))
def test_arbitrary_text_is_admitted_only_if_it_is_safe(kind: str, value: str) -> None:
    if allowed(kind, value):
        assert value.isascii()
        assert not UNSAFE.search(value)
        assert not value.startswith("-")


@given(st.sampled_from(KINDS), st.sampled_from('\n\r\0\t\x1b\x7f\x85\u2028"\\$`\u00a0'), st.data())
def test_one_unsafe_character_anywhere_spoils_a_good_value(
    kind: str, unsafe: str, data: st.DataObject
) -> None:
    value = data.draw(st.sampled_from(GOOD[kind]))
    at = data.draw(st.integers(0, len(value)))
    assert not allowed(kind, value[:at] + unsafe + value[at:])


@pytest.mark.parametrize("kind", KINDS)
def test_a_trailing_newline_is_not_overlooked(kind: str) -> None:
    for value in GOOD[kind]:
        assert not allowed(kind, value + "\n")


@given(
    st.sampled_from(KINDS),
    st.characters(categories=["Nd", "Ll", "Lu", "Pd"]).filter(lambda char: not char.isascii()),
    st.data(),
)
@example("python version", "\u0661", None)  # ARABIC-INDIC DIGIT ONE, which \d would take
@example("name", "\u017f", None)  # LONG S, which a case-blind [a-z] would take
def test_letters_and_digits_of_other_scripts_are_refused(
    kind: str, char: str, data: st.DataObject | None
) -> None:
    assert unicodedata.category(char)
    for value in GOOD[kind]:
        at = data.draw(st.integers(0, len(value))) if data else len(value)
        assert not allowed(kind, value[:at] + char + value[at + 1 :])


@pytest.mark.parametrize("kind", KINDS)
def test_length_is_bounded(kind: str) -> None:
    longest = grammar._PATTERNS[kind][1]
    assert not allowed(kind, "1" * (longest + 1))
    assert not allowed(kind, "a" * (longest + 1))


@pytest.mark.parametrize("kind", KINDS)
def test_no_pattern_can_be_made_to_backtrack_for_long(kind: str) -> None:
    pattern, longest, _ = grammar._PATTERNS[kind]
    for filler in ("a", "1", "a.", "a/", "a-", "1.", "="):
        hostile = (filler * longest)[:longest] + "!"
        re.fullmatch(pattern, hostile[1:], re.ASCII)  # would not end, if it did


@given(st.text())
def test_what_is_shown_of_a_value_is_one_short_printable_line(value: str) -> None:
    text = shown(value)
    assert text.isprintable()
    assert len(text) <= 60
