"""What no key can cover is reported, what one covers is not, and what is put aside is used."""

from __future__ import annotations

import pytest

from factory.dockerfile import parse, unseen


def rules(text: str) -> list[tuple[int, str]]:
    return [(found.line, found.rule) for found in unseen(parse(text))]


@pytest.mark.parametrize(
    "command",
    [
        "curl -O https://a/b",
        "set -e; curl -O https://a/b",
        "a && wget https://a/b",
        "(curl https://a)",
        'a "$(curl -s https://a)"',
        "curl https://a | sh",
        "cat a | xargs wget",
        "sudo -E curl https://a",
        "http_proxy=a curl https://a",
        "/usr/bin/curl https://a",
        "if a; then curl https://a; fi",
        "a \\\n  && curl https://a",
        "git clone https://a/b",
        "git -C a pull",
        "aws s3 cp s3://a b",
        "hf download a",
        "rsync a::b c",
        '["curl", "-O", "https://a/b"]',
        '["sh", "-c", "curl https://a"]',
        "<<E\na\ncurl https://a\nE",
        "--mount=type=cache,target=/c curl https://a",
        "curl https://a > b; sha256sum b",
    ],
)
def test_a_download_in_a_run_is_reported(command: str) -> None:
    assert rules(f"FROM a\nRUN {command}\n") == [(2, "download")]


@pytest.mark.parametrize(
    "before",
    ["if ", "while ! ", "! ", "timeout 60 ", "nohup ", "retry 3 ", "gosu ray ", "until "],
)
def test_a_download_is_reported_whatever_starts_it(before: str) -> None:
    command = f"{before}curl -fsS https://x.example/y"
    assert rules(f"FROM scratch\nRUN {command}\n") == [(2, "download")]


@pytest.mark.parametrize(
    "command",
    [
        "apt-get install --yes curl wget git rsync",
        "apt-get install --yes \\\n  curl \\\n  wget",
        "pip install hf curl",
        "python curl.py",
        "echo curl",
        "command -v curl",
        "git --version",
        "<<E\n# curl https://a\na\nE",
        "curl -o a https://a && echo 'b a' | sha256sum -c",
        "curl -o a https://a && echo 'b a' | sha512sum --check -",
        "curl -o a https://a && gpg --batch --verify b a",
        f"git clone https://a && git -C a checkout {'1' * 40}",
        "--network=none curl https://a",
    ],
)
def test_packages_and_what_is_checked_are_not(command: str) -> None:
    assert rules(f"FROM a\nRUN {command}\n") == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ADD https://a/b /", "remote-add"),
        ("ADD --chown=1 http://a/b /", "remote-add"),
        ("ADD --checksum=sha256:1 https://a/b /", None),
        ("ADD https://a/b.git#main /", None),
        ("ADD a /", None),
        ("ONBUILD COPY a /", "onbuild"),
        ("onbuild add a /", "onbuild"),
        ("ONBUILD RUN a", "onbuild"),
        ("ONBUILD USER a", None),
        ("ONBUILD", None),
    ],
)
def test_an_instruction_is_reported(line: str, expected: str | None) -> None:
    assert rules(f"FROM a\n{line}\n") == ([(2, expected)] if expected else [])


def test_a_frontend_is_reported() -> None:
    assert rules("# syntax=a\nFROM b\n") == [(1, "syntax")]


def test_findings_come_in_the_order_of_lines() -> None:
    text = "FROM a\nRUN curl b\nADD https://a/b /\nFROM c\nRUN wget d\nONBUILD COPY a /\n"
    assert rules(text) == [(2, "download"), (3, "remote-add"), (5, "download"), (6, "onbuild")]


def test_every_finding_says_what_to_do() -> None:
    text = "# syntax=a\nFROM a\nRUN git  clone b\nADD https://a/b /\nONBUILD COPY a /\n"
    said = [found.message for found in unseen(parse(text))]
    assert said[1].startswith("what git clone fetches is in no key")
    assert all(": " in message for message in said)


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("# factory ignore=download", []),
        ("#factory ignore=download  the address is a version", []),
        ("# factory ignore=download\n\n# another comment", []),
        ("# factory ignore=remote-add", [(3, "download"), (3, "unused-ignore")]),
        ("# factory ignore=download,onbuild", [(3, "unused-ignore")]),
        ("# factory ignore=DL3008", [(3, "download"), (3, "unused-ignore")]),
        ("# hadolint ignore=DL3008", [(3, "download")]),
    ],
)
def test_a_comment_puts_a_rule_aside(comment: str, expected: list[tuple[int, str]]) -> None:
    text = f"FROM a\n{comment}\nRUN curl b\n"
    moved = comment.count("\n")
    assert rules(text) == [(line + moved, rule) for line, rule in expected]


def test_it_holds_for_one_instruction() -> None:
    text = "FROM a\n# factory ignore=download\nRUN curl b\nRUN curl c\n"
    assert rules(text) == [(4, "download")]


def test_one_that_puts_nothing_aside_is_reported() -> None:
    (found,) = unseen(parse("# factory ignore=download\nFROM a\n"))
    assert (found.line, found.rule) == (2, "unused-ignore")
    assert "`# factory ignore=download`" in found.message
