"""Pins go where a name is a name, and nowhere else; the epoch goes to whatever runs something."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.dockerfile import (
    annotated,
    canonical,
    derive,
    parse,
    pin,
    through_proxies,
    unpinned,
)
from factory.errors import ConfigError

DIGEST = "sha256:" + "1" * 64
COMMIT = "2" * 40


def pinned(text: str) -> str:
    """With all that moves named by a digest or a commit."""
    instructions = parse(text)
    moving = unpinned(derive(text))
    pins = {one.name: COMMIT if one.repository else DIGEST for one in moving}
    return pin(text, instructions, moving, pins)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a", "FROM a@D"),
        ("from a as a\n", "from a@D as a\n"),
        ("FROM\ta\r\nRUN b\r\n", "FROM\ta@D\r\nRUN b\r\n"),
        ("FROM --platform=a a", "FROM --platform=a a@D"),
        ("FROM h:5000/a:1 AS b", "FROM h:5000/a:1@D AS b"),
        ("FROM \\\n  # a a\n  a", "FROM \\\n  # a a\n  a@D"),
        ('FROM "a:1"', "FROM a:1@D"),
        ("ARG v=1\nFROM a:$v", "ARG v=1\nFROM a:1@D"),
        ("ARG a=b\nFROM ${a}", "ARG a=b\nFROM b@D"),
        ("FROM x@D\n", "FROM x@D\n"),
        ("FROM x:1@D\n", "FROM x:1@D\n"),
        ("FROM a AS b\nFROM b", "FROM a@D AS b\nFROM b"),
        ("FROM a\n# a\nFROM a", "FROM a@D\n# a\nFROM a@D"),
        ("FROM x@D\nCOPY --from=a a /a", "FROM x@D\nCOPY --from=a@D a /a"),
        ("FROM x@D\nCOPY --from='a' a /a", "FROM x@D\nCOPY --from='a@D' a /a"),
        ("FROM x@D\nCOPY --chown=a --from=a a b", "FROM x@D\nCOPY --chown=a --from=a@D a b"),
        ("FROM x@D\nRUN --mount=from=a,target=/a a", "FROM x@D\nRUN --mount=from=a@D,target=/a a"),
        (
            "FROM x@D\nRUN --mount=target=/a,from=a \\\n --mount=from=a,target=/b echo from=a",
            "FROM x@D\nRUN --mount=target=/a,from=a@D \\\n --mount=from=a@D,target=/b echo from=a",
        ),
        ("FROM x@D\nRUN cat <<E\nFROM a\nE\n", "FROM x@D\nRUN cat <<E\nFROM a\nE\n"),
        ("FROM x@D\nONBUILD COPY --from=a a b", "FROM x@D\nONBUILD COPY --from=a@D a b"),
        ("FROM x@D\nADD https://a/b.git /c", "FROM x@D\nADD https://a/b.git#C /c"),
        ("FROM x@D\nADD https://a/b.git#e:f /c", "FROM x@D\nADD https://a/b.git#C:f /c"),
        ('FROM x@D\nADD ["git@a:b.git#e", "/c"]', 'FROM x@D\nADD ["git@a:b.git#C", "/c"]'),
        ("# syntax=a:1\nFROM x@D", "# syntax=a:1@D\nFROM x@D"),
        ("FROM a\x0b\nRUN \u2028 b", "FROM a@D\x0b\nRUN \u2028 b"),
    ],
)
def test_a_name_is_pinned_where_it_is_one(text: str, expected: str) -> None:
    def full(short: str) -> str:
        return short.replace("@D", f"@{DIGEST}").replace("#C", f"#{COMMIT}")

    assert pinned(full(text)) == full(expected)
    assert unpinned(derive(full(expected))) == ()


def test_what_no_pin_is_known_of_stays() -> None:
    text = "FROM a\nCOPY --from=b c /\n"
    found = derive(text)
    expected = f"FROM a\nCOPY --from=b@{DIGEST} c /\n"
    assert pin(text, parse(text), found.images, {"b": DIGEST}) == expected


@pytest.mark.parametrize("text", ["FROM a\\\nb", "FROM x\nCOPY --from=\\a b /"])
def test_a_name_that_cannot_be_found_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot be pinned") as caught:
        pinned(text)
    assert "of what it renders" in caught.value.where


NAME = st.from_regex(r"[a-z]{1,3}(:[a-z0-9]{1,2})?", fullmatch=True)


@st.composite
def dockerfiles(draw: st.DrawFn) -> str:
    """Of a few words, so that a name is often also something else."""
    lines = [f"FROM {draw(NAME)} AS {draw(st.from_regex(r'[a-z]{4}', fullmatch=True))}"]
    for _ in range(draw(st.integers(0, 5))):
        name, other, third = draw(NAME), draw(NAME), draw(NAME)
        lines.append(
            draw(
                st.sampled_from(
                    [
                        f"FROM {name}",
                        f"COPY --from={name} {other} \\\n  # {name}\n  /{third}",
                        f"RUN --mount=from={name},target=/{other} {third} from={other}",
                        f"RUN --mount=from={name},target=/x --mount=target=/y,from={other} {name}",
                        f"ADD https://{other}/{other}.git#{other} {name}",
                        f"RUN <<{other.upper()}\nFROM {name}\n{other.upper()}",
                        f"ENV {other[0]}={name}",
                        f"ONBUILD COPY --from={name} {name} /",
                    ]
                )
            )
        )
    return "\n".join(lines) + "\n"


@given(dockerfiles())
def test_once_pinned_nothing_moves_and_all_else_is_as_it_was(text: str) -> None:
    after = pinned(text)
    assert unpinned(derive(after)) == ()
    assert derive(after).reads == derive(text).reads
    undone = str(list(canonical(parse(after)))).replace(f"@{DIGEST}", "")
    before = str(list(canonical(parse(text))))
    for repository in derive(text).repositories:
        before = before.replace(repository.written, repository.at(COMMIT))
    assert undone == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a\nRUN b\n", "FROM a\nL\nE\nRUN b\n"),
        ("FROM a\nCOPY b c\n", "FROM a\nL\nCOPY b c\n"),
        ("FROM a AS b\nRUN c\nFROM d\nCOPY e f", "FROM a AS b\nE\nRUN c\nFROM d\nL\nCOPY e f"),
        ("ARG a\nFROM \\\n  a\n# b\nRUN c", "ARG a\nFROM \\\n  a\nL\nE\n# b\nRUN c"),
        (
            "FROM a AS b\nONBUILD RUN c\nFROM b\n",
            "FROM a AS b\nE\nONBUILD RUN c\nFROM b\nL\nE\n",
        ),
        ("FROM a\nRUN <<F\nFROM b\nRUN c\nF\n", "FROM a\nL\nE\nRUN <<F\nFROM b\nRUN c\nF\n"),
    ],
)
def test_stages_that_run_something_declare_the_epoch_and_the_last_its_step(
    text: str, expected: str
) -> None:
    expected = expected.replace("E\n", 'ARG FACTORY_EPOCH="2026-11"\n')
    expected = expected.replace("L\n", 'LABEL io.ray-image-factory.step="app"\n')
    assert annotated(text, parse(text), epoch="2026-11", step="app") == expected


def test_a_text_without_a_stage_is_left_for_buildkit_to_refuse() -> None:
    for text in ("", "RUN true\n"):
        assert annotated(text, parse(text), epoch="2026-11", step="app:demo") == text


MOUNT = "--mount=type=secret,id=proxies,target=/run/factory/proxies.sh,mode=0444"
READS = f"{MOUNT} . /run/factory/proxies.sh;"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RUN a", f"RUN {READS} a"),
        ("run a && b", f"run {READS} a && b"),
        (
            "RUN --mount=type=cache,target=/c a --b",
            f"RUN --mount=type=cache,target=/c {READS} a --b",
        ),
        ("RUN --network=none a\nRUN b", f"RUN --network=none a\nRUN {READS} b"),
        ("RUN \\\n  # why\n\n  a \\\n  b", f"RUN \\\n  # why\n\n  {READS} a \\\n  b"),
        ("RUN --security=x \\\n  a", f"RUN --security=x \\\n  {READS} a"),
        ("COPY a b\n# RUN a\nCMD RUN", "COPY a b\n# RUN a\nCMD RUN"),
        ('RUN --network=none ["a"]', 'RUN --network=none ["a"]'),
    ],
)
def test_what_has_the_network_reads_of_proxies_first(text: str, expected: str) -> None:
    assert through_proxies(f"FROM x\n{text}\n") == f"FROM x\n{expected}\n"


@pytest.mark.parametrize(
    "text",
    [
        'RUN ["a"]',
        "RUN <<E\na\nE",
        "RUN --mount=target='/a b' a",
        "RUN -- a",
        'SHELL ["python"]\nRUN a',
        "ONBUILD RUN a",
    ],
)
def test_what_cannot_be_told_of_proxies_by_a_file_is_left_to_build_arguments(text: str) -> None:
    assert through_proxies(f"FROM x\n{text}\n") is None


def test_another_escape_is_left_to_build_arguments() -> None:
    assert through_proxies("# escape=`\nFROM x\nRUN a `\n  b\n") is None


@given(st.text(alphabet="a \t\\\n#-=\"'[<", max_size=16))
def test_nothing_else_of_an_instruction_is_touched(text: str) -> None:
    whole = f"FROM x\nRUN {text}z\nCOPY a b"
    try:
        before = parse(whole)
    except ConfigError:
        return
    told = through_proxies(whole)
    if told is not None:
        after = parse(told)
        assert [one.keyword for one in after] == [one.keyword for one in before]
        for one, other in zip(before, after, strict=True):
            mine = [("mount", MOUNT.partition("=")[2])] if one.keyword == "RUN" else []
            assert list(other.flags) == [*one.flags, *mine]
            added = ". /run/factory/proxies.sh; " if mine else ""
            assert other.arguments == added + one.arguments
