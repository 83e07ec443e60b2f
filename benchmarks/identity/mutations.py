"""What may happen to a project, as a table: its name, what it does to images, and how it is done.
Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from random import Random

from benchmarks.identity import files, texts
from benchmarks.identity.generate import CODE, TOOLS
from benchmarks.identity.sample import Mutated, Sample

How = Callable[[Sample, Random], Mutated]


class Effect(Enum):
    """What a change does to the images that it reaches, by BuildKit's own rules."""

    CHANGES = "changes"
    NOTHING = "nothing"
    CAUTION = "caution"
    """The result stays, but a key may change: only a build could tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mutation:
    """One class of changes.

    Attributes:
        name: what happens.
        effect: what comes of it.
        how: does it.
        wants: kinds of parts that a project must have for it.
    """

    name: str
    effect: Effect
    how: How
    wants: tuple[str, ...] = ()


def _changes(name: str, how: How, *wants: str) -> Mutation:
    return Mutation(name=name, effect=Effect.CHANGES, how=how, wants=wants)


def _nothing(name: str, how: How, *wants: str) -> Mutation:
    return Mutation(name=name, effect=Effect.NOTHING, how=how, wants=wants)


def _caution(name: str, how: How, *wants: str) -> Mutation:
    return Mutation(name=name, effect=Effect.CAUTION, how=how, wants=wants)


_word = partial(partial, texts.rewrite)
_POLICY = {"policy": {"scan": {"vulnerabilities": ["critical"], "ignore_unfixed": True}}}
_TARGETS = {"targets": {"local": {"kind": "local", "accept": ["no vulnerability database"]}}}

MUTATIONS: tuple[Mutation, ...] = (
    _changes("a file that is read is edited", files.edit, "file"),
    _changes("a file is edited, and its size and times stay", files.same_size, "file"),
    _changes("a file becomes executable or plain", files.executable, "folder"),
    _changes("a symlink leads elsewhere", files.retarget, "folder"),
    _changes("a symlink becomes the file that it led to", files.link_to_file, "folder"),
    _changes("a file appears in a folder that is copied", files.add, "folder"),
    _changes("a hidden file appears", partial(files.add, name=".hidden"), "folder"),
    _changes("a file appears in a new folder", partial(files.add, name="newer/deep.txt"), "folder"),
    _changes("an empty folder appears", files.add_folder, "folder"),
    _changes("a file is removed", files.remove, "folder"),
    _changes("a file is renamed", files.rename, "folder"),
    _changes("a file moves down a folder", files.move_down, "folder"),
    _changes("two files swap contents", files.swap, "wildcard"),
    _changes("a file appears that a wildcard matches", files.matched, "wildcard"),
    _changes(
        ".dockerignore leaves out what was read",
        partial(files.rule, rule="app/run", about="app/run"),
        "folder",
    ),
    _changes(
        ".dockerignore brings back what it left out",
        partial(files.rule, rule="!app/skip.tmp", about="app/skip.tmp"),
        "folder",
    ),
    _changes(
        "an argument has another default",
        _word(kind="argument", old="=data", new="=other"),
        "argument",
    ),
    _changes("a label has another value", _word(kind="label", old="first", new="second"), "label"),
    _changes(
        "a heredoc has another line", _word(kind="heredoc", old="first", new="other"), "heredoc"
    ),
    _changes(
        "a remark in a heredoc is another",
        _word(kind="heredoc", old="# sec", new="# no"),
        "heredoc",
    ),
    _changes("a file is copied elsewhere", _word(kind="file", old="/p", new="/q"), "file"),
    _changes(
        "a stage copies less",
        _word(kind="stage", old="COPY conf /c", new="COPY conf/a.conf /c/", where="stages"),
        "stage",
    ),
    _changes("a copy gets a mode", _word(kind="file", old="COPY", new="COPY --chmod=0700"), "file"),
    _changes("a Dockerfile gets another line", texts.more_lines),
    _changes("a base moves", texts.base_moved),
    _changes("the image of a stage moves", partial(texts.moved, name=TOOLS[0]), "stage of image"),
    _changes("the image of a mount moves", partial(texts.moved, name=TOOLS[0]), "bound image"),
    _changes(
        "an image that is copied from moves", partial(texts.moved, name=TOOLS[1]), "from image"
    ),
    _changes("a branch moves", partial(texts.moved, name=f"{CODE}#main"), "repository"),
    _changes(
        "a download is another", _word(kind="download", old="sha256:", new="sha256:0"), "download"
    ),
    _changes("the epoch is another", texts.epoch, "bound"),
    _changes(
        "a variable has another value",
        partial(texts.of_image, more={"env": {"MODE": "fast"}}, acts=True),
    ),
    _changes("an image stands on another", texts.orphan),
    _nothing("files are touched", files.touch),
    _nothing("modes are another umask's", files.umask),
    _nothing("a file that nothing reads is edited", partial(files.edit, read=False)),
    _nothing("a file that nothing reads is renamed", partial(files.unread, how="rename")),
    _nothing("a file that nothing reads is removed", partial(files.unread, how="remove")),
    _nothing("an ignored file is edited", partial(files.ignored, name="app/skip.tmp"), "folder"),
    _nothing("an ignored file appears", partial(files.ignored, name="app/lib/more.tmp"), "folder"),
    _nothing(
        "an ignored folder grows", partial(files.ignored, name="private/deep/more.txt"), "folder"
    ),
    _nothing(
        "Python is compiled", partial(files.ignored, name="app/__pycache__/main.pyc"), "folder"
    ),
    _nothing("git commits", partial(files.ignored, name="app/.git/HEAD"), "folder"),
    _nothing("a remark in a Dockerfile", partial(texts.dress, what="comment")),
    _nothing("a remark in a template", partial(texts.dress, what="template comment")),
    _nothing("empty lines in a Dockerfile", partial(texts.dress, what="empty lines")),
    _caution("spaces before arguments", _word(kind="file", old="COPY ", new="COPY   "), "file"),
    _nothing("keywords in small letters", partial(texts.dress, what="case")),
    _nothing("YAML keys in another order", partial(texts.dress, what="yaml order")),
    _nothing("a remark in YAML", partial(texts.dress, what="yaml comment")),
    _nothing("a cell comes or goes", texts.cell),
    _nothing("an image comes", texts.another_image),
    _nothing(
        "another description", partial(texts.of_image, more={"description": "Other"}, acts=False)
    ),
    _nothing("checks come", texts.checks),
    _nothing("a target accepts more", partial(texts.of_matrix, more=_TARGETS)),
    _nothing("the policy is another", partial(texts.of_matrix, more=_POLICY)),
    _nothing(
        "verify wants more workers", partial(texts.of_matrix, more={"verify": {"workers": 3}})
    ),
    _nothing("a pin that nothing names", texts.other_pin),
    _nothing("a file appears beside what is read", partial(files.appears, name="unused/new.txt")),
    _caution("a file whose mode its Dockerfile sets", files.own_mode, "own mode"),
    _caution("a base is pushed again, unchanged", partial(texts.base_moved, content="")),
    _caution(
        "a stage that nothing uses is another",
        _word(kind="unused stage", old="COPY", new="ADD", where="stages"),
        "unused stage",
    ),
    _caution(
        "an instruction breaks its line elsewhere",
        _word(kind="label", old=" \\\n    ", new=" "),
        "label",
    ),
)
