"""Random samples: folders of files, images on images, and Dockerfiles of parts. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from benchmarks.identity.sample import (
    IGNORE,
    RUNTIME,
    SHARED,
    UPSTREAM,
    Node,
    Part,
    Pinned,
    Sample,
    folder_of,
    ray_name,
)

TOOLS = ("registry.example.invalid/tools:1", "registry.example.invalid/more/extra:2")
CODE = "https://code.example.invalid/team/app.git"
RULES = "# What builds do not need.\n**/*.tmp\n!**/keep.tmp\nprivate\n"
_WORDS = ("ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen")
_RUN = "for each in /in/*; do echo $each; [ -x $each ] && echo runs; cat $each; done"

Maker = Callable[[str, str, str], Part]
"""A folder, a name that is used once, and the mark, to a part."""


def digest_of(text: str) -> str:
    """A digest that a registry could have for some content."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _copies(kind: str, source: str, *more: str) -> Maker:
    def make(folder: str, once: str, _mark: str) -> Part:
        sources = (source, *more)
        return Part(
            kind=kind,
            lines=f"COPY {' '.join(sources)} /{once}/",
            takes=tuple(f"{folder}/{each}" for each in sources),
        )

    return make


def _quoted(folder: str, once: str, _mark: str) -> Part:
    lines = f'COPY ["odd/a b.txt", "/{once}/"]'
    return Part(kind="quoted", lines=lines, takes=(f"{folder}/odd/a b.txt",))


def _everything(folder: str, once: str, _mark: str) -> Part:
    return Part(kind="everything", lines=f"COPY . /{once}/", takes=(folder,))


def _added(folder: str, once: str, _mark: str) -> Part:
    return Part(kind="added", lines=f"ADD data.txt /{once}/", takes=(f"{folder}/data.txt",))


def _shared(_folder: str, once: str, _mark: str) -> Part:
    lines = f"COPY --from={SHARED} conf/a.conf /{once}/"
    return Part(kind="shared", lines=lines, takes=(f"{SHARED}/conf/a.conf",))


def _argument(folder: str, once: str, _mark: str) -> Part:
    lines = f"ARG CHOSEN=data\nCOPY ${{CHOSEN}}.txt /{once}/"
    return Part(kind="argument", lines=lines, takes=(f"{folder}/data.txt",))


def _label(_folder: str, once: str, _mark: str) -> Part:
    return Part(kind="label", lines=f'LABEL {once}="first" \\\n    other="{once}"')


def _heredoc(_folder: str, once: str, _mark: str) -> Part:
    return Part(kind="heredoc", lines=f"COPY <<EOF /{once}/here.txt\nfirst line\n# second\nEOF")


def _stage(folder: str, once: str, mark: str) -> Part:
    name = f"{once}-{mark}"
    stages = f"FROM scratch AS {name}\nCOPY conf /c\nFROM {name} AS on-{name}\nCOPY data.txt /c/"
    lines = f"COPY --from=on-{name} /c /{once}/"
    taken = (f"{folder}/conf", f"{folder}/data.txt")
    return Part(kind="stage", stages=stages, lines=lines, takes=taken)


def _stage_of_image(_folder: str, once: str, mark: str) -> Part:
    name = f"{once}-{mark}"
    stages = f"FROM {TOOLS[0]} AS {name}\nLABEL used=here"
    lines = f"COPY --from={name} /version /{once}/"
    return Part(kind="stage of image", stages=stages, lines=lines, names=(TOOLS[0],))


def _from_image(_folder: str, once: str, _mark: str) -> Part:
    lines = f"COPY --from={TOOLS[1]} /version /{once}/"
    return Part(kind="from image", lines=lines, names=(TOOLS[1],))


def _bound(folder: str, once: str, _mark: str) -> Part:
    lines = f"RUN --mount=type=bind,source=conf,target=/in {_RUN} > /{once}"
    return Part(kind="bound", lines=lines, takes=(f"{folder}/conf",), runs=True)


def _bound_whole(folder: str, once: str, _mark: str) -> Part:
    lines = f"RUN --mount=target=/in cat /in/data.txt > /{once}"
    return Part(kind="bound whole", lines=lines, takes=(folder,), runs=True)


def _bound_image(_folder: str, once: str, _mark: str) -> Part:
    lines = f"RUN --mount=from={TOOLS[0]},target=/in cat /in/version > /{once}"
    return Part(kind="bound image", lines=lines, names=(TOOLS[0],), runs=True)


def _bound_stage(folder: str, once: str, mark: str) -> Part:
    name = f"{once}-{mark}"
    stages = f"FROM scratch AS {name}\nCOPY app/*.txt /"
    lines = f"RUN --mount=from={name},target=/in <<'EOF'\n{_RUN} > /{once}\nEOF"
    taken = (f"{folder}/app/*.txt",)
    return Part(kind="bound stage", stages=stages, lines=lines, takes=taken, runs=True)


def _parent(_folder: str, once: str, _mark: str) -> Part:
    return Part(kind="parent", lines=f"COPY --from={{{{ parent }}}} /version /{once}/")


def _unused_stage(_folder: str, once: str, mark: str) -> Part:
    """BuildKit does not build it."""
    stages = f"FROM scratch AS {once}-{mark}\nCOPY spare.txt /"
    return Part(kind="unused stage", stages=stages, lines=f"LABEL {once}=spare")


def _own_mode(folder: str, once: str, _mark: str) -> Part:
    lines = f"COPY --chmod=0640 moded.txt /{once}/"
    return Part(kind="own mode", lines=lines, takes=(f"{folder}/moded.txt",))


def _repository(_folder: str, once: str, _mark: str) -> Part:
    return Part(kind="repository", lines=f"ADD {CODE}#main /{once}", names=(f"{CODE}#main",))


def _download(_folder: str, once: str, _mark: str) -> Part:
    checksum = digest_of("first release")
    address = "https://files.example.invalid/tool.tgz"
    return Part(kind="download", lines=f"ADD --checksum={checksum} {address} /{once}/")


_PLAIN: tuple[Maker, ...] = (
    _copies("file", "data.txt"),
    _copies("folder", "app"),
    _copies("wildcard", "conf/*.conf"),
    _copies("class", "conf/[ab].con?"),
    _copies("several", "conf/a.conf", "app/main.txt", "app/lib"),
    *(_quoted, _added, _shared, _argument, _label, _heredoc, _stage, _stage_of_image),
    *(_from_image, _bound, _bound_image, _bound_stage),
)
_NOT_IN_BASES: tuple[Maker, ...] = (_parent,)
_IN_IMAGES_ONLY: tuple[Maker, ...] = (_everything, _bound_whole)
"""Not where templates are: a remark in one would change what is copied."""

_ONLY_WANTED: tuple[Maker, ...] = (_unused_stage, _own_mode)
_OFFLINE: tuple[Maker, ...] = (_repository, _download)
_ALL = (*_PLAIN, *_NOT_IN_BASES, *_IN_IMAGES_ONLY, *_ONLY_WANTED, *_OFFLINE)


def generate(
    random: Random, *, mark: str, wants: Sequence[str] = (), buildable: bool = False
) -> Sample:
    """A project.

    Args:
        random: decides everything.
        mark: of all its stages.
        wants: kinds of parts that it must have.
        buildable: whether an engine is to build it: then it is smaller, and names nothing that
            only the network has.
    """
    most = 2 if buildable else 3
    images = _images(random, most)
    parts: dict[str, list[Part]] = {UPSTREAM: [], RUNTIME: [], **{name: [] for name in images}}
    count = 0

    def add(owner: str, maker: Maker) -> None:
        nonlocal count
        count += 1
        parts[owner].append(maker(folder_of(owner), f"p{count}", mark))

    for owner in parts:
        for _ in range(random.randrange(1, most + 1)):
            add(owner, random.choice(_for(owner, offline=not buildable)))
    for kind in wants:
        [maker] = [one for one in _ALL if one("", "", "").kind == kind]
        owners = [owner for owner in parts if maker in (*_for(owner, offline=True), *_ONLY_WANTED)]
        add(random.choice(owners), maker)
    rays = ["2.60.0"] if buildable else random.choice((["2.60.0"], ["2.60.0", "2.55.1"]))
    nodes: dict[str, Node] = {"README.md": Node(text="A project.\n")}
    for folder in dict.fromkeys(map(folder_of, parts)):
        nodes |= {f"{folder}/{path}": node for path, node in _files(random).items()}
    return Sample(
        mark=mark,
        nodes=nodes,
        matrix=_matrix(rays),
        images=images,
        parts={owner: tuple(found) for owner, found in parts.items()},
        pins=_pins(),
    )


def _for(owner: str, *, offline: bool) -> tuple[Maker, ...]:
    """What an owner's Dockerfile may have."""
    found = (*_PLAIN, *(_OFFLINE if offline else ()))
    if owner != UPSTREAM:
        found = (*found, *_NOT_IN_BASES)
    return found if owner in (UPSTREAM, RUNTIME) else (*found, *_IN_IMAGES_ONLY)


def _images(random: Random, most: int) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for name in ("one", "two", "three")[: random.randrange(1, most + 1)]:
        parent = random.choice([None, *found])
        mother = {"parent": parent} if parent else {}
        found[name] = {"description": f"The image {name}", "env": {"MODE": "plain"}, **mother}
    return found


def _matrix(rays: list[str]) -> Mapping[str, Any]:
    return {
        "axes": {"python": ["3.11"], "ray": rays},
        "latest": {"ray": "2.60.0"},
        "base": {"source": "registry", "epoch": "2026-11"},
        "targets": {"local": {"kind": "local"}},
    }


def _pins() -> dict[str, Pinned]:
    images = [*map(ray_name, ("2.60.0", "2.55.1")), *TOOLS]
    found = {name: Pinned(pin=digest_of(name), content=f"{name}\n") for name in images}
    return {**found, f"{CODE}#main": Pinned(pin="c" * 40)}


def _files(random: Random) -> dict[str, Node]:
    """One folder's, by path in it; some of them are there in every folder."""

    def text(path: str) -> Node:
        lines = random.randrange(1, 4)
        words = (f"{random.choice(_WORDS)} {random.randrange(10**6)}\n" for _ in range(lines))
        return Node(text=f"{path}\n{''.join(words)}")  # no two files of a folder are alike

    plain = [
        "app/main.txt",
        "app/lib/util.txt",
        "app/lib/more.txt",
        "conf/a.conf",
        "conf/b.conf",
        "conf/notes.md",
    ]
    plain += ["data.txt", "other.txt", "odd/a b.txt", "unused/note.txt", "spare.txt", "moded.txt"]
    plain += ["app/skip.tmp", "app/keep.tmp", "private/key.txt", "app/__pycache__/main.pyc"]
    plain += [f"app/{random.choice(_WORDS)}.txt" for _ in range(random.randrange(3))]
    found = {path: text(path) for path in plain}
    found["app/run"] = Node(text="echo started\n", mode=0o755)
    found["app/link"] = Node(link="main.txt")
    found[IGNORE] = Node(text=RULES)
    return found
