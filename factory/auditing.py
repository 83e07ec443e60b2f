"""What an image carries, wherever it is: asked of its registry alone, and held to a policy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from factory.errors import ConfigError
from factory.evidence import PublicKey, carried, judge, read_keys, subject_of
from factory.ledger import Ledger
from factory.matrix import KNOWN_PARTIALS, near
from factory.model import Audit, Publication, Signing, Target, Terms, cell_of
from factory.project import matrix_of
from factory.registry import place, split_tag
from factory.remotes import Remotes
from factory.settings import Settings

_REF = re.compile(
    r"(?:[A-Za-z0-9.-]+(?::[0-9]{1,5})?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?",
    re.ASCII,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the user wants to know of an image.

    Attributes:
        ref: its name in a registry, by tag or digest; or the id of a build or cell, of which that
            is meant which was published from here.
        keys: files of public keys; then only what one of them signed counts.
        policy: a target of the project, whose policy is taken, with the keys that the project
            trusts where no others are given.
        accept: without a target, the partial reasons that are accepted.
        max_age_days: an older verdict has expired; ``None`` for what the project says, if its
            policy is asked for.
    """

    ref: str
    keys: Sequence[str] = ()
    policy: str | None = None
    accept: Sequence[str] = ()
    max_age_days: int | None = None


def audit(settings: Settings, asked: Asked) -> Audit:
    """Look at what an image carries, and hold it to a policy.

    Raises:
        ConfigError: the reference, a key, the target or ``matrix.yaml`` is wrong.
        PublishError: there is no such image.
        RegistryError: its registry failed.
    """
    terms, keys = _terms(settings, asked)
    ref = _published(settings, asked) or asked.ref
    repository, reference = split_ref(ref)
    registry = Remotes(settings=settings, project=None).client()
    subject = subject_of(registry, repository, reference)
    found = carried(registry, repository, subject, keys)
    now = datetime.now(UTC)
    return judge(ref, subject, found.pieces, found.others, terms, now, found.unread)


def days_of(said: str | None) -> int | None:
    """A number of days, as a flag says it.

    Raises:
        ConfigError: it is none.
    """
    if said is None:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,3}", said, re.ASCII):
        raise ConfigError(
            f"--max-age {said!r} is no number of days", todo="write one from 1 to 9999"
        )
    return int(said)


def split_ref(ref: str) -> tuple[str, str]:
    """A repository, and the tag or digest in it.

    Raises:
        ConfigError: it is no reference.
    """
    if not _REF.fullmatch(ref):
        raise ConfigError(
            f"{ref!r} is no image's name",
            todo="write it as `docker pull` takes it, such as 127.0.0.1:5000/ray-app:latest",
        )
    name, _, digest = ref.partition("@")
    repository, tag = split_tag(name)
    return repository, digest or tag


def _published(settings: Settings, asked: Asked) -> str | None:
    """The name in its registry of what was published of a build, if that is what is asked for: one
    of another kind would be looked for at Docker Hub. At several targets, it is that of the one
    whose policy is asked for.

    Raises:
        ConfigError: nothing was, or it is at several targets.
    """
    if set("/@") & set(asked.ref):
        return None
    known = [one for one in _publications(settings) if asked.ref in _ids(one)]
    named = [one for one in known if one.target == asked.policy] or known
    refs = list(dict.fromkeys(place(one.repository, one.immutable) for one in named))
    if len(refs) > 1:
        where = ", ".join(f"{place(one.repository, one.immutable)} ({one.target})" for one in named)
        raise ConfigError(
            f"{asked.ref} was published in {len(refs)} places: {where}",
            todo=f"say which, such as `invoke audit {refs[0]}`",
        )
    if not refs and _is_build(settings, asked.ref):
        raise ConfigError(
            f"nothing was published of {asked.ref} from here, a build or cell of this project",
            todo="name the image as its registry has it, such as 127.0.0.1:5000/ray-app:latest",
        )
    return refs[0] if refs else None


def _publications(settings: Settings) -> tuple[Publication, ...]:
    file = settings.state / "ledger.sqlite"
    if not file.is_file():
        return ()
    with Ledger.open(file) as ledger:
        return tuple(ledger.publications().values())


def _ids(one: Publication) -> tuple[str, str]:
    """Its build's, and its cell's."""
    return one.build_id, one.build_id.partition(":")[2]


def _is_build(settings: Settings, name: str) -> bool:
    image, _, cell = name.rpartition(":")
    own = not image or (settings.root / "images" / image / "image.yaml").is_file()
    return own and cell_of(cell) is not None


def _terms(settings: Settings, asked: Asked) -> tuple[Terms, tuple[PublicKey, ...]]:
    """What it is held to, and by whose keys."""
    keys = read_keys(asked.keys)
    for reason in asked.accept:
        if reason not in KNOWN_PARTIALS:
            raise ConfigError(
                f"no gate ever gives the partial reason {reason!r}, which --accept names",
                todo=near(reason, KNOWN_PARTIALS),
            )
    if asked.policy is None:
        terms = Terms(
            accept=frozenset(asked.accept),
            signed=bool(asked.keys),
            max_age_days=asked.max_age_days,
        )
        return terms, keys
    if asked.accept:
        raise ConfigError(
            "--policy and --accept exclude each other",
            todo="a target's policy says what it accepts: leave one or the other out",
        )
    target, signing = _policy(settings, asked.policy)
    keys = keys or read_keys(signing.trust, settings.root)
    terms = Terms(
        accept=target.accept,
        signed=bool(keys),
        max_age_days=asked.max_age_days or signing.max_age_days,
        target=asked.policy,
        own_scan=target.scan is not None,
    )
    return terms, keys


def _policy(settings: Settings, name: str) -> tuple[Target, Signing]:
    matrix = matrix_of(settings)
    targets = {target.name: target for target in matrix.targets} if matrix else {}
    if matrix is None or name not in targets:
        raise ConfigError(
            f"there is no target {name!r}"
            + ("" if matrix else ", since there is no matrix.yaml here"),
            todo=near(name, targets) if targets else "run in a project, or use --accept",
        )
    return targets[name], matrix.evidence
