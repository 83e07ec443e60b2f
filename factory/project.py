"""Reading what the user wrote: the thin edge in front of the pure rooms."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from factory.errors import ConfigError, ConfigErrors
from factory.matrix import check_parents, near, parse_image, parse_matrix, with_images
from factory.model import (
    BASES_LOCK,
    TEMPLATES,
    Build,
    Derived,
    Image,
    Matrix,
    Project,
    lock_content,
    lock_versions,
    made_for,
)
from factory.refused import contained, shown, special
from factory.settings import Settings
from factory.wheel import dependencies_digest

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


def load(settings: Settings) -> Project:
    """Read and validate ``matrix.yaml``, the images, the templates and the locks.

    Raises:
        ConfigError: anything in them is wrong or missing.
    """
    root = settings.root
    text = _read(root, "matrix.yaml")
    matrix, wanted, where = parse_matrix(text, registry=settings.registry)
    images = _images(root, matrix, wanted, where)
    _check_paths(root, matrix, images)
    locks = _locks(root, images.values())
    project = Project(
        matrix=matrix,
        images=images,
        templates=_templates(root),
        requirements=_requirements(root, images.values()),
        locks={name: made_for(text, name) for name, text in locks.items()},
        locked=Derived(locks, lock_versions),
        lock_contents=Derived(locks, lock_content),
        bases=_bases(root),
        wheel=_wheel(root, matrix),
    )
    errors = [error for image in images.values() for error in _idle(project, image)]
    if errors:
        raise ConfigErrors(errors)
    cohorts = (with_images(one, images, project.made_for) for one in matrix.cohorts)
    return replace(project, matrix=replace(matrix, cohorts=tuple(cohorts)))


def all_builds(project: Project) -> tuple[Build, ...]:
    """Image × cell, in order."""
    return project.builds


def project_of(settings: Settings) -> Settings:
    """The same settings, once it is sure that their root is a project's.

    Raises:
        ConfigError: it holds no ``matrix.yaml``.
    """
    if not (settings.root / "matrix.yaml").is_file():
        raise _no_project("matrix.yaml", settings.root)
    return settings


def matrix_of(settings: Settings) -> Matrix | None:
    """The project's ``matrix.yaml``, or ``None`` where there is no project.

    Raises:
        ConfigError: it is wrong.
    """
    file = settings.root / "matrix.yaml"
    if not file.is_file():
        return None
    return parse_matrix(_read(settings.root, file.name), registry=settings.registry)[0]


def _no_project(name: str, root: Path) -> ConfigError:
    return ConfigError(
        f"there is no {name} in {root}",
        todo="run from the project's root, or set FACTORY_ROOT to it",
    )


def _read(root: Path, name: str) -> str:
    """A text of the project's, by its path relative to the root.

    Raises:
        ConfigError: it is missing, no file, no text, or not inside the project.
    """
    path = root / name
    try:
        if path.exists():
            _plain(contained(root, name, where=name), name, where=name)
        elif path.is_symlink():
            raise ConfigError(
                "it is a symlink that leads to nothing",
                where=name,
                todo="copy what it should lead to into the project, or take it away",
            )
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _no_project(name, path.parent) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"not UTF-8 at byte {error.start}", where=name, todo="save it as UTF-8"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {error.strerror}",
            where=name,
            todo="make it a file that this user may read",
        ) from None


def _folder(root: Path, name: str) -> Path:
    """A folder that is looked through, if it is there."""
    return contained(root, name, where=name) if (root / name).exists() else root / name


def _plain(path: Path, name: str, *, where: str) -> None:
    """A pipe would be waited for, and a device be read for ever."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise special(name, where)


def _images(
    root: Path, matrix: Matrix, wanted: tuple[str, ...] | None, where: Callable[[int], str]
) -> Mapping[str, Image]:
    folder = _folder(root, "images")
    for odd in sorted(folder.glob("*/image.yml")):
        raise ConfigError(
            "an image is described in image.yaml",
            where=shown(odd.relative_to(root)),
            todo="rename it",
        )
    there = sorted(path.parent.name for path in folder.glob("*/image.yaml"))
    names = there if wanted is None else wanted
    if not names:
        raise ConfigError(
            "there is no image",
            where="images/",
            todo="add images/<name>/image.yaml; docs/images.md shows one",
        )
    for at, name in enumerate(names):
        if name not in there:
            raise ConfigError(
                f"there is no image {name}: images/{name}/image.yaml is missing",
                where=where(at),
                todo=near(name, there),
            )
    images = {name: _image(root, matrix, name, names) for name in names}
    check_parents(images)
    return images


def _image(root: Path, matrix: Matrix, name: str, names: Sequence[str]) -> Image:
    folder = f"images/{name}"
    contained(root, folder, where="images/")
    text = _read(root, f"{folder}/image.yaml")
    return parse_image(text, name=name, folder=folder, cells=matrix.cells, images=names)


def _idle(project: Project, image: Image) -> Iterator[ConfigError]:
    """What of an image no build would ever use, because its parent is made for other cells."""
    parent, where = image.parent, f"{image.folder}/image.yaml"
    if parent is None:
        return  # then its own rules are all there are, and each was seen to match
    inherited = [cell for cell in project.matrix.cells if project.made_for(parent, cell)]
    kept = [cell for cell in inherited if project.made_for(image.name, cell)]
    if inherited and not kept:
        yield ConfigError(
            f"{image.name} is made for no cell: its `where:` leaves none of those that its "
            f"parent {parent} is made for",
            where=where,
            todo="make the `where:` of one of the two wider; `invoke matrix` lists the cells",
        )
    for at, override in enumerate(image.overrides, 1) if kept else ():
        if not any(override.matches(cell) for cell in kept):
            yield ConfigError(
                f"override {at} matches no cell that both {image.name} and its parent {parent} "
                "are made for",
                where=where,
                todo="mend its `when:`, or drop it",
            )


def _templates(root: Path) -> Mapping[str, str]:
    names = (path.name for path in _folder(root, TEMPLATES).glob("*.j2"))
    return {name: _read(root, f"{TEMPLATES}/{name}") for name in names}


def named_paths(project: Project) -> tuple[str, ...]:
    """Every path, relative to the root, that the matrix or an image names."""
    return tuple(dict.fromkeys(path for path, _, _ in _paths(project.matrix, project.images)))


def _check_paths(root: Path, matrix: Matrix, images: Mapping[str, Image]) -> None:
    """See that every path that is named is there, and is what it should be; all mistakes at once.

    Raises:
        ConfigError: one is not.
    """
    errors = []
    for path, is_folder, where in dict.fromkeys(_paths(matrix, images)):
        try:
            there = contained(root, path, where=where)
            _plain(there, path, where=where)
            if there.is_dir() != is_folder:
                raise ConfigError(
                    f"{path} is {'no' if is_folder else 'a'} folder",
                    where=where,
                    todo=f"name a {'folder' if is_folder else 'file'} there",
                )
        except ConfigError as error:
            errors.append(error)
    if errors:
        raise ConfigErrors(errors)


def _paths(matrix: Matrix, images: Mapping[str, Image]) -> Iterator[tuple[str, bool, str]]:
    """Each path that is named, whether it is to be a folder, and who names it."""
    if matrix.base.wheel:
        yield matrix.base.wheel, False, "matrix.yaml"
    for device in matrix.devices.values():
        if device.torch and device.torch.find_links:
            yield device.torch.find_links, True, "matrix.yaml"
    for image in images.values():
        where = f"{image.folder}/image.yaml"
        for path in _files(image):
            yield f"{image.folder}/{path}", False, where
        if isinstance(image.source, str):
            yield f"{image.folder}/{image.source}", True, where


def _files(image: Image) -> Iterator[str]:
    yield from _requirements_files(image)
    if image.checks:
        yield image.checks
    if image.install:
        yield image.install.script


def _requirements_files(image: Image) -> Iterator[str]:
    named = (image.requirements, *(each.requirements for each in image.overrides))
    yield from dict.fromkeys(filter(None, named))


def _requirements(root: Path, images: Iterable[Image]) -> Mapping[str, tuple[str, ...]]:
    """The lines of all requirements files, by path."""
    paths = (f"{image.folder}/{file}" for image in images for file in _requirements_files(image))
    return {path: tuple(_read(root, path).splitlines()) for path in paths}


def _locks(root: Path, images: Iterable[Image]) -> Mapping[str, str]:
    """The text of every lock file."""
    return {name: _read(root, name) for name in lock_files(root, images)}


def lock_files(root: Path, images: Iterable[Image]) -> list[str]:
    """The paths of all locks, relative to the root.

    Raises:
        ConfigError: a folder of theirs leads out of the project.
    """
    beside = (TEMPLATES, *(image.folder for image in images))
    folders = [_folder(root, f"{folder}/locks") for folder in beside]
    files = sorted(file for folder in folders for file in folder.glob("**/*.txt"))
    return [file.relative_to(root).as_posix() for file in files]


def _wheel(root: Path, matrix: Matrix) -> str:
    """What a Ray wheel of the user's own depends on, which its locks are made for."""
    wheel = matrix.base.wheel if matrix.base.substituted else None
    return dependencies_digest(root / wheel, where="matrix.yaml") if wheel else ""


def _bases(root: Path) -> Mapping[str, str]:
    """The committed pins of images.

    Raises:
        ConfigError: the file is not what ``invoke lock`` writes.
    """
    if not (root / BASES_LOCK).exists():
        return {}
    try:
        found = json.loads(_read(root, BASES_LOCK))
        pairs = found.items() if isinstance(found, dict) else [("", None)]
        if all(isinstance(pin, str) and _DIGEST.fullmatch(pin) for _, pin in pairs):
            return dict(pairs)
        what = "it is no object of names and digests (sha256:…)"
    except (ValueError, RecursionError) as error:
        what = str(error)
    raise ConfigError(
        f"not a lock of images: {what}", where=BASES_LOCK, todo="run `invoke lock`, which writes it"
    )
