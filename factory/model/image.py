"""Application images: ``images/<name>/image.yaml``, validated."""

from __future__ import annotations

from dataclasses import dataclass, replace

from factory.model.cell import Cell, When, matches

NEEDS = ("data", "serve")
"""Libraries of Ray's that checks are asked by, named as its extras are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GitSource:
    """Application code in a git repository.

    Attributes:
        url: of the repository, over HTTP(S), without credentials.
        ref: a branch, a tag, or a full commit.
        folder: the folder in it that becomes the application, or ``None`` for all of it.
        token: the environment variable that holds a token for it, or ``None``.
    """

    url: str
    ref: str
    folder: str | None = None
    token: str | None = None

    @property
    def name(self) -> str:
        """What its commit is recorded under."""
        return f"{self.url}#{self.ref}"

    @property
    def pinned(self) -> bool:
        """Whether the ref is a commit already, which needs no looking up."""
        return len(self.ref) == 40 and all(digit in "0123456789abcdef" for digit in self.ref)


@dataclass(frozen=True, kw_only=True, slots=True)
class Install:
    """What runs in a builder stage, of which only the results reach the image.

    Attributes:
        script: a Bash script, relative to the image's folder.
        apt: Debian packages that only it needs.
        secrets: environment variables of the host that it sees as files in ``/run/secrets/``.
    """

    script: str
    apt: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Override:
    """What an image does differently in the cells that ``when`` matches.

    ``apt`` and ``env`` add to the image's own; ``requirements`` replaces them.
    """

    when: When
    requirements: str | None = None
    apt: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()

    def matches(self, cell: Cell) -> bool:
        return matches(self.when, cell)


@dataclass(frozen=True, kw_only=True, slots=True)
class Contract:
    """What an image promises beyond what all do; ``None`` is what its parent says, else no.

    Attributes:
        arbitrary_uid: Ray starts as a user that the image does not know, in group 0.
        read_only: Ray starts where nothing can be written to but ``/tmp`` and ``writable``.
        writable: further folders, absolute, that are empty then.
    """

    arbitrary_uid: bool | None = None
    read_only: bool | None = None
    writable: tuple[str, ...] = ()

    def over(self, parent: Contract) -> Contract:
        """This contract, where it says something, on top of a parent's."""
        uid, read_only = self.arbitrary_uid, self.read_only
        return Contract(
            arbitrary_uid=parent.arbitrary_uid if uid is None else uid,
            read_only=parent.read_only if read_only is None else read_only,
            writable=tuple(dict.fromkeys((*parent.writable, *self.writable))),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """An application image: ``images/<name>/image.yaml``, validated.

    Attributes:
        name: the folder's name, and the repository's.
        folder: relative to the project's root.
        parent: the image that this one is built on, or ``None``: then it is the cell's own stack.
        where: the cells that it is made for.
        source: the application's folder, relative to ``folder``, a git repository, or ``None``
            where the parent's application is all there is.
        requirements: a pip requirements file, relative to ``folder``, or ``None``.
        apt: Debian packages.
        env: environment variables of the image.
        install: what is compiled or fetched in a stage of its own, or ``None``.
        checks: a Python file with smoke checks of its own, relative to ``folder``, or ``None``.
        needs: what of Ray's it relies on, of ``NEEDS``.
        contract: what it promises beyond what all images do.
        overrides: per-cell differences, applied in order.
    """

    name: str
    folder: str
    description: str
    source: str | GitSource | None
    parent: str | None = None
    where: When = ()
    requirements: str | None = None
    apt: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    install: Install | None = None
    checks: str | None = None
    needs: tuple[str, ...] = ()
    contract: Contract = Contract()
    overrides: tuple[Override, ...] = ()

    def for_cell(self, cell: Cell) -> Image:
        """This image with the overrides that match a cell applied, and none left."""
        image = replace(self, overrides=())
        for override in self.overrides:
            if override.matches(cell):
                image = replace(
                    image,
                    requirements=override.requirements or image.requirements,
                    apt=tuple(dict.fromkeys((*image.apt, *override.apt))),
                    env=tuple((dict(image.env) | dict(override.env)).items()),
                )
        return image
