"""What a Dockerfile reads: every file, image, repository and download that can matter."""

from __future__ import annotations

import pytest

from factory.dockerfile import Inputs, derive
from factory.errors import ConfigError

CONTEXTS = {"shared", "packages"}


def reads(text: str, contexts: set[str] | None = None) -> set[str]:
    """Of the main context by path, of others as ``name:path``."""
    found = derive(text, CONTEXTS if contexts is None else contexts).reads
    return {f"{read.context}:{read.path}" if read.context else read.path for read in found}


def images(text: str) -> list[str]:
    return [image.name for image in derive(text, CONTEXTS).images]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("COPY a /", {"a"}),
        ("copy a /", {"a"}),
        ("COPY a b/c /", {"a", "b/c"}),
        ("COPY ./a/ /b/../c ../d /", {"a", "c", "d"}),
        ("COPY a/../../b /", {"b"}),
        ("COPY . /", {"."}),
        ("COPY / /", {"."}),
        ('COPY "" /', {"."}),
        ("COPY *.txt a/b?/[c-d] /", {"*.txt", "a/b?/[c-d]"}),
        ('COPY ["a b", "c\\"d", "/"]', {"a b", "."}),
        ('COPY ["a b", "c\\\\\\"d", "/"]', {"a b", 'c"d'}),
        ("COPY 'a' \"b\" /", {"a", "b"}),
        ("COPY a\\$b /", {"a$b"}),
        ("COPY --chown=1:2 --chmod=644 --link a /", {"a"}),
        ("COPY --from= a /", {"a"}),
        ("COPY --exclude=*.md a /", {"a"}),
        ("COPY --parents a/b.txt /", {"a/b.txt"}),
        ("COPY --parents ./a/./b/c.txt /", {"a/b/c.txt"}),
        ("COPY --parents a/**/c.txt d/e*/f /", {"a", "d"}),
        ("COPY --parents **/c.txt /", {"."}),
        ("COPY <<A b /\nc\nA", {"b"}),
        ("COPY <<A /\nCOPY b /\nA", set()),
        ("COPY a \\\n  # b\n  c /", {"a", "c"}),
        ("COPY a", set()),
        ("COPY", set()),
        ("ADD a.tar /", {"a.tar"}),
        ("ADD ftp://a/b /", {"ftp:/a/b"}),
        ("ADD https://a/b /", set()),
        ("ADD https://a/b.git c /", {"c"}),
        ("COPY $a /", {"."}),
        ("ADD $a/x /", {"."}),
        ("RUN a", set()),
        ("RUN --mount=type=bind,target=/x a", {"."}),
        ("RUN --mount=target=/x a", {"."}),
        ("RUN --mount=type=bind,source=a,target=/x b", {"a"}),
        ("RUN --mount=type=bind,src=a,dst=/x,rw b", {"a"}),
        ("RUN --mount=TYPE=BIND,SRC=a,target=/x b", {"a"}),
        ("RUN --mount=type=bind,src=/a/../b,target=/x b", {"b"}),
        ("RUN --mount=src=$b,target=/x b", {"."}),
        ("RUN --mount=src=a,target=/x --mount=src=b,target=/y c", {"a", "b"}),
        ("RUN --mount='type=bind,\"src=a,b\",target=/x' c", {"a,b"}),
        ("RUN --mount=type=cache,target=/x a", set()),
        ("RUN --mount=type=cache,from=shared,source=a,target=/x b", {"shared:a"}),
        ("RUN --mount=type=cache,source=a,target=/x b", set()),
        ("RUN --mount=type=secret,id=a,source=b,target=/x c", set()),
        ("RUN --mount=type=ssh a", set()),
        ("RUN --mount=type=tmpfs,target=/x a", set()),
        ("RUN --mount=from=shared,target=/x a", {"shared:."}),
        ("COPY --from=shared a /", {"shared:a"}),
        ("COPY --from=SHARED a /", {"shared:a"}),
        ("COPY --from=shared:latest a /", {"shared:a"}),
        ("COPY --from=docker.io/library/shared a /", {"shared:a"}),
        ('COPY --from="shared" a /', {"shared:a"}),
        ("ONBUILD COPY a /", set()),
        ("ONBUILD", set()),
        ('WORKDIR a\nUSER b\nCMD COPY c /\nLABEL d=e\nVOLUME f\nEXPOSE 1\nSHELL ["g"]', set()),
    ],
)
def test_an_instruction_reads(line: str, expected: set[str]) -> None:
    assert reads(f"FROM a\n{line}\n") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM scratch\nCOPY a$b /", {"a"}),
        ("FROM scratch\nCOPY ${b:-c} /", {"c"}),
        ("FROM scratch\nENV b=c\nCOPY $b /", {"c"}),
        ("FROM scratch\nENV b c d\nCOPY $b /", {"c d"}),
        ("FROM scratch\nCOPY $PATH /", {"."}),
        ("FROM a\nENV b=c\nCOPY $b /", {"c"}),
        ("FROM a\nARG b=c\nCOPY ${b}d /", {"cd"}),
        ("FROM a\nCOPY ${b:-c} /", {"."}),
        ("ARG b=c\nFROM a\nCOPY $b /", {"."}),
        ("ARG b=c\nFROM scratch\nCOPY x$b /", {"x"}),
        ("ARG b=c\nFROM a\nARG b\nCOPY $b /", {"c"}),
        ("ARG b=c\nFROM a\nARG b=d\nCOPY $b /", {"d"}),
        ("FROM a AS s\nARG b=c\nFROM s\nCOPY $b /", {"c"}),
        ("FROM a AS s\nENV b=c\nFROM S\nCOPY $b /", {"c"}),
        ("FROM a AS s\nENV b=c\nFROM x\nCOPY $b /", {"."}),
        ("FROM scratch AS s\nFROM s\nCOPY a$b /", {"a"}),
        ("FROM a\nARG http_proxy=b\nCOPY $http_proxy /", {"."}),
        ("FROM a\nARG TARGETARCH\nCOPY bin/$TARGETARCH /", {"bin/amd64"}),
        ("FROM a\nCOPY b /\nENV b=c\nARG d=$b\nCOPY $d /", {"b", "c"}),
        ("# escape=`\nFROM scratch\nCOPY a`$b /", {"a$b"}),
    ],
)
def test_variables_count_where_they_are_set(text: str, expected: set[str]) -> None:
    assert reads(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a AS s\nFROM b\nCOPY --from=s c /", set()),
        ("FROM a AS s\nFROM b\nCOPY --from=S c /", set()),
        ("FROM a\nFROM b\nCOPY --from=0 c /", set()),
        ("FROM a AS s\nFROM b\nRUN --mount=from=s,target=/x c", set()),
        ("FROM a\nCOPY --from=nginx c /", set()),
        ("FROM shared\n", {"shared:."}),
        ("FROM shared AS s\nFROM a\nCOPY --from=s b /", {"shared:."}),
        ("FROM scratch AS shared\nFROM a\nCOPY --from=shared b /", {"shared:b"}),
        ("FROM scratch AS shared\nFROM shared\n", {"shared:."}),
        ("FROM a\nFROM scratch AS shared\n", {"shared:."}),
        ("FROM scratch AS packages\nFROM a\nRUN --mount=from=packages,target=/x b", {"packages:."}),
        ("FROM a AS s\nCOPY b /\nFROM c\nCOPY d /", {"b", "d"}),
        ("FROM a AS s\nONBUILD COPY b /\nFROM s\n", {"b"}),
        ("FROM a AS s\nONBUILD COPY $c /\nENV c=d\nFROM s\n", {"d"}),
        ("FROM a AS s\nONBUILD ENV c=d\nFROM s\nCOPY $c /\n", {"d"}),
        ("FROM a AS s\nONBUILD ENV c=d\nCOPY $c /\n", {"."}),
        ("FROM a AS s\nONBUILD COPY b /\nFROM s AS t\nFROM t\nCOPY c /", {"b", "c"}),
        ("FROM a AS s\nONBUILD RUN --mount=src=b,target=/x c\nFROM s\n", {"b"}),
    ],
)
def test_stages_and_contexts_are_told_apart(text: str, expected: set[str]) -> None:
    assert reads(text) == expected


def test_a_context_that_is_not_given_is_an_image() -> None:
    text = "FROM a\nCOPY --from=shared b /\n"
    assert reads(text, set()) == set()
    assert [image.name for image in derive(text).images] == ["a", "shared"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM debian:12", ["debian:12"]),
        ("FROM --platform=linux/amd64 debian AS b", ["debian"]),
        ("FROM \\\n  # one\n  debian", ["debian"]),
        ('FROM "debian:12"', ["debian:12"]),
        ("FROM localhost:5000/a/b:c", ["localhost:5000/a/b:c"]),
        ("FROM scratch", []),
        ("FROM a AS b\nFROM b", ["a"]),
        ("FROM a AS b\nFROM B", ["a"]),
        ("FROM a AS a\nFROM a", ["a"]),
        ("FROM a\nFROM 0", ["a", "0"]),
        ("ARG v=12\nFROM debian:$v", ["debian:12"]),
        ("ARG v=12 w=3\nARG i=debian:${v}\nFROM ${i}", ["debian:12"]),
        ("ARG v\nFROM debian:${v:-12}", ["debian:12"]),
        ("FROM debian:$v", ["debian:$v"]),
        ("FROM debian:$BUILDARCH", ["debian:$BUILDARCH"]),
        ("FROM a\nARG v=1\nFROM b:$v", ["a", "b:$v"]),
        ("FROM a\nCOPY --from=nginx:1 b /", ["a", "nginx:1"]),
        ("FROM a\nCOPY --from=$x b /", ["a", "$x"]),
        ("FROM a\nRUN --mount=from=b,target=/x --mount=from=b,target=/y c", ["a", "b", "b"]),
        ("FROM a\nRUN --mount=type=cache,from=b,target=/x c", ["a", "b"]),
        ("FROM a\nRUN --mount=type=secret,from=b,target=/x c", ["a"]),
        ("FROM a AS s\nONBUILD COPY --from=b c /\nFROM s", ["a", "b"]),
        ("FROM shared", []),
        ("# syntax=docker/dockerfile:1\nFROM a", ["docker/dockerfile:1", "a"]),
    ],
)
def test_images_are_named_as_they_are_written(text: str, expected: list[str]) -> None:
    assert images(text) == expected


DIGEST = "sha256:" + "1" * 64


@pytest.mark.parametrize(
    ("name", "pinned"),
    [(f"a@{DIGEST}", True), (f"h:5000/a:b@{DIGEST}", True), ("a:b", False), ("a", False)],
)
def test_a_digest_pins_an_image(name: str, pinned: bool) -> None:
    (image,) = derive(f"FROM {name}").images
    assert image.pinned is pinned


@pytest.mark.parametrize(
    ("source", "name", "folder"),
    [
        ("https://h/a.git", "https://h/a.git#", ""),
        ("https://h/a.git#main", "https://h/a.git#main", ""),
        ("https://h/a.git#main:b/c", "https://h/a.git#main", "b/c"),
        ("https://h/a.git#:b", "https://h/a.git#", "b"),
        ("git@h:a/b.git#v1", "git@h:a/b.git#v1", ""),
        ("me@h:a", "me@h:a#", ""),
        ("ssh://git@h/a.git", "ssh://git@h/a.git#", ""),
        ("git://h/a", "git://h/a#", ""),
        ("https://h/a.git?ref=b", "https://h/a.git?ref=b#", ""),
    ],
)
def test_add_takes_repositories(source: str, name: str, folder: str) -> None:
    found = derive(f"FROM a\nADD {source} /\n")
    (repository,) = found.repositories
    assert (repository.name, repository.folder) == (name, folder)
    assert not found.reads
    assert not found.downloads


def test_a_commit_pins_a_repository() -> None:
    text = "FROM a\nADD https://h/a.git#{}:b /\n"
    assert [derive(text.format(ref)).repositories[0].pinned for ref in ("1" * 40, "main")] == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("line", "downloads"),
    [
        ("ADD https://h/a /", ((2, ""),)),
        (f"ADD --checksum={DIGEST} https://h/a /", ((2, DIGEST),)),
        ("ADD https://h/a http://h/b /", ((2, ""), (2, ""))),
        ("ADD https://h/$a /", ((2, ""),)),
        ("ADD $a /", ((2, ""),)),
        ('ADD "$a" /', ((2, ""),)),
        ('ADD "${a}/b" /', ((2, ""),)),
        ("ONBUILD ADD https://h/a /", ((2, ""),)),
        ("COPY https://h/a /", ()),
    ],
)
def test_add_takes_downloads(line: str, downloads: tuple[tuple[int, str], ...]) -> None:
    assert derive(f"FROM a\n{line}\n").downloads == downloads


@pytest.mark.parametrize(
    ("line", "runs"), [("RUN a", True), ("ONBUILD run a", True), ("CMD RUN a", False)]
)
def test_what_is_run_may_do_anything(line: str, runs: bool) -> None:
    assert derive(f"FROM a\n{line}\n").runs is runs


def test_nothing_is_read_where_nothing_is_said() -> None:
    assert derive("") == Inputs()
    assert derive("COPY a /\nRUN b\n") == Inputs(reads=derive("FROM a\nCOPY a /").reads, runs=True)


def test_an_unreadable_text_says_where() -> None:
    with pytest.raises(ConfigError, match=r"^x/y.j2 \(line 2 of what it renders\): COPPY"):
        derive("FROM a\nCOPPY b c", where="x/y.j2")
