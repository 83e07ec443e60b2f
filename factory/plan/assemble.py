"""One link of a chain: rendered text → step. What the step reads is derived from the text."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from factory.dockerfile import (
    Inputs,
    Instruction,
    Reference,
    annotated,
    canonical,
    inputs_of,
    parse,
    pin,
    unpinned,
)
from factory.errors import ConfigError
from factory.model import PLATFORM, TEMPLATES, Read, Rootfs, Step, Wheels, step_ref
from factory.plan.keys import key_of, text_digest
from factory.plan.structure import Rendered, Structure

_FORM = "2"
"""Of what is done to every rendered text beyond what it reads. It is in every key: images of
an older form are made anew."""

Render = Callable[[str, Mapping[str, object]], str]
"""Template name and variables to text."""


class Contents(Protocol):
    """What there is in the folders of a project."""

    def digest(self, folder: str, path: str, *, where: str) -> str:
        """A digest of a file, a folder or all that matches a pattern.

        Args:
            folder: a context, relative to the project's root; its ``.dockerignore`` is honoured.
            path: in that folder, as ``Read.path``.
            where: who asks for it, for messages.

        Raises:
            ConfigError: it is missing, unreadable, or leaves the project.
        """


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What one step is to be.

    Attributes:
        kind, name, rootfs, wheels, secrets: as of ``Step``.
        template: its file in ``dockerfiles/``.
        variables: what it is rendered with, besides ``parent``.
        contexts: name to folder, relative to the project's root.
        given: what the factory makes for the build: reads of these are in other inputs, or change
            nothing. A context's name stands for all that is in it.
        asked_by: the file of the user's that asks for what is read, if it is not the template.
        lock: what it installs from, as (path relative to its context, path relative to the root, a
            digest of what is installed). Its name and comments are in no key: another cell may
            have it called otherwise.
    """

    kind: str
    name: str
    template: str
    variables: Mapping[str, object]
    contexts: Mapping[str, str] = field(default_factory=dict)
    given: frozenset[Read | str] = frozenset({"packages"})
    rootfs: Rootfs | None = None
    wheels: Wheels | None = None
    secrets: tuple[tuple[str, str], ...] = ()
    asked_by: str = ""
    lock: tuple[str, str, str] | None = None

    @property
    def identity(self) -> tuple[Hashable, ...]:
        """All of it but the variables, which the rendered text shows."""
        return (
            *(self.kind, self.name, self.template, tuple(self.contexts.items()), self.given),
            *(self.rootfs, self.wheels, self.secrets, self.asked_by, self.lock),
        )


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """Makes steps of recipes.

    Attributes:
        render: renders a template.
        contents: digests what is read.
        pins: name on the network to digest or commit.
        epoch: "as of when" for all that is run.
    """

    render: Render
    contents: Contents
    pins: Mapping[str, str]
    epoch: str
    _digests: dict[tuple[str, str], str] = field(default_factory=dict)
    _steps: dict[tuple[Hashable, ...], Step] = field(default_factory=dict)
    _structure: Structure = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_structure", Structure(render=self.render))

    def step(self, recipe: Recipe, parent: Step | None) -> Step:
        """The step.

        Raises:
            ConfigError: the template is wrong, a value changes what it does, or what it reads
                cannot be had.
        """
        from_ref = step_ref(parent.name, parent.key) if parent else ""
        variables = {**recipe.variables, "parent": from_ref}
        text = self.render(recipe.template, variables)
        # Most cells share their lower steps: what renders to the same text is read once.
        identity = (*recipe.identity, parent and parent.key, text)
        if identity not in self._steps:
            instructions = parse(text, where=f"{TEMPLATES}/{recipe.template}")
            rendered = Rendered(
                template=recipe.template, variables=variables, text=text, instructions=instructions
            )
            self._structure.check(rendered, recipe.asked_by)
            self._steps[identity] = self._read(recipe, parent, text, instructions)
        return self._steps[identity]

    def _read(
        self,
        recipe: Recipe,
        parent: Step | None,
        text: str,
        instructions: tuple[Instruction, ...],
    ) -> Step:
        where = f"{TEMPLATES}/{recipe.template}"
        from_ref = step_ref(parent.name, parent.key) if parent else ""
        found = inputs_of(instructions, _names(recipe))
        moving = _moving(found, from_ref, where)
        reads = tuple(_reads(recipe, found, where))
        inputs = (
            *self._settings(recipe, found),
            *self._pins(moving),
            *self._files(recipe, reads, recipe.asked_by or where),
            ("dockerfile", _digest_of_text(instructions, from_ref, recipe.lock)),
            *([("parent", parent.key)] if parent else []),
        )
        pinned = pin(text, instructions, moving, self.pins, where=where)
        names = tuple(reference.name for reference in moving)
        unresolved = tuple(name for name in names if name not in self.pins)
        return Step(
            kind=recipe.kind,
            name=recipe.name,
            key=key_of([*_identity(recipe), *_keyed(inputs, recipe)]),
            parent=parent.key if parent else None,
            dockerfile=annotated(pinned, instructions, epoch=self.epoch, step=_mark(recipe)),
            contexts=tuple(sorted({(it.context, recipe.contexts[it.context]) for it in reads})),
            reads=reads,
            rootfs=recipe.rootfs,
            wheels=recipe.wheels,
            secrets=recipe.secrets,
            moving=tuple(dict.fromkeys((*(parent.moving if parent else ()), *names))),
            unresolved=tuple(dict.fromkeys((*(parent.unresolved if parent else ()), *unresolved))),
            inputs=inputs,
        )

    def _settings(self, recipe: Recipe, found: Inputs) -> Iterator[tuple[str, str]]:
        yield "platform", PLATFORM
        if recipe.rootfs:
            root = recipe.rootfs
            yield "rootfs", f"{root.suite} as of {root.epoch} by {root.recipe}"
        if found.runs:
            yield "epoch", self.epoch

    def _pins(self, moving: tuple[Reference, ...]) -> Iterator[tuple[str, str]]:
        """What moves, as of now; what is written with its digest is part of the text."""
        for reference in moving:
            kind = "repository" if reference.repository else "image"
            yield f"{kind} {reference.name}", self.pins.get(reference.name, "unresolved")

    def _files(
        self, recipe: Recipe, reads: tuple[Read, ...], where: str
    ) -> Iterator[tuple[str, str]]:
        places = dict.fromkeys((recipe.contexts[read.context], read.path) for read in reads)
        for place in places:
            if place not in self._digests:
                self._digests[place] = self.contents.digest(*place, where=where)
            yield f"file {posixpath.normpath('/'.join(place))}", self._digests[place]


def _names(recipe: Recipe) -> set[str]:
    """The names of all contexts but the one that has none."""
    given = {name for name in recipe.given if isinstance(name, str)}
    return {name for name in (*recipe.contexts, *given) if name}


def _moving(found: Inputs, parent: str, where: str) -> tuple[Reference, ...]:
    references = tuple(one for one in unpinned(found) if one.name != parent)
    for reference in references:
        place = f"{where} (line {reference.line} of what it renders)"
        if "$" in reference.name:
            raise ConfigError(
                f"{reference.written} names an image by a variable that nothing sets",
                where=place,
                todo="give its ARG a default before the first FROM, or write the image out; "
                "--from takes no variables, but the name of a stage that is FROM one",
            )
        if reference.repository and "?" in reference.name:
            raise ConfigError(
                f"{reference.written} says by a query what is wanted of a repository",
                where=place,
                todo="write it as `https://…/name.git#ref:folder`, which can be pinned",
            )
    return references


def _reads(recipe: Recipe, found: Inputs, where: str) -> Iterator[Read]:
    """What is read from folders of the project."""
    for read in found.reads:
        if read in recipe.given or read.context in recipe.given:
            continue
        folder = recipe.contexts.get(read.context)
        if folder is None:
            raise ConfigError(
                f"a {recipe.kind} has no context to read {read.path} from",
                where=where,
                todo=f"put the file into {TEMPLATES}/ and take it from there: "
                f"`COPY --from={TEMPLATES} {read.path} …`",
            )
        yield read


def _keyed(inputs: tuple[tuple[str, str], ...], recipe: Recipe) -> Iterator[tuple[str, str]]:
    """The inputs as they are in the key: a lock by what it holds."""
    for name, value in inputs:
        if recipe.lock and name == f"file {recipe.lock[1]}":
            yield "lock", recipe.lock[2]
        else:
            yield name, value


def _digest_of_text(
    instructions: tuple[Instruction, ...], parent: str, lock: tuple[str, str, str] | None
) -> str:
    """Of what BuildKit acts on; the parent's key and the lock's content are inputs of their own."""
    text = json.dumps(list(canonical(instructions)))
    text = text.replace(lock[0], "lock") if lock else text
    return text_digest(text.replace(parent, "parent") if parent else text)


def _identity(recipe: Recipe) -> list[tuple[str, str]]:
    return [("kind", recipe.kind), ("name", recipe.name), ("form", _FORM)]


def _mark(recipe: Recipe) -> str:
    """What images call the step: applications are named by users, and may be called ``base``."""
    return recipe.kind if recipe.kind != "app" else f"app:{recipe.name}"
