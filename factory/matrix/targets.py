"""``targets`` → places to publish, and what builds are called there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from factory.errors import ConfigError
from factory.matrix.cells import axes_of
from factory.matrix.document import Document, Path
from factory.matrix.grammar import shown
from factory.matrix.policy import scan_policy
from factory.matrix.schema import MatrixSpec, RepositoriesSpec, TargetSpec
from factory.matrix.validate import near
from factory.model import (
    BY_HAND,
    NO_DATABASE,
    NO_JAVA_DATABASE,
    NO_RUNTIME,
    SUBSTITUTED_BASE,
    Cell,
    Ecr,
    Naming,
    Retention,
    Target,
)
from factory.model.naming import KEY, PLACEHOLDERS, placeholders
from factory.model.target import ECR, HUB, HUB_ADDRESS, LOCAL, REGISTRY

KNOWN_PARTIALS = (NO_DATABASE, NO_JAVA_DATABASE, SUBSTITUTED_BASE, NO_RUNTIME, BY_HAND)

_OWN = {
    LOCAL: (),
    REGISTRY: ("address",),
    HUB: ("namespace",),
    ECR: ("account", "region", "prefix", "repositories"),
}
"""The keys that one kind has, and no other."""

_OPTIONAL = ("prefix", "repositories")
_NAMING = ("repository", "tag", "floating", "aliases")


def targets(
    spec: MatrixSpec, document: Document, registry: str, latest: Cell | None
) -> tuple[Target, ...]:
    """Where to publish.

    Args:
        registry: ``host:port`` of the local registry.
        latest: the cell that ``latest`` names.

    Raises:
        ConfigError: a reason or a placeholder that there is not, a key of another kind, a
            template that can name nothing.
    """
    axes = tuple(axes_of(spec))
    if all(written.promote_only for written in spec.targets.values()):
        raise ConfigError(
            "every target is `promote_only`, so that nothing is ever published to promote",
            where=document.where(("targets",)),
            todo="have one target without it, such as `staging`",
        )
    return tuple(
        _target(name, written, spec, document, registry, latest, axes)
        for name, written in spec.targets.items()
    )


def _target(
    name: str,
    written: TargetSpec,
    spec: MatrixSpec,
    document: Document,
    registry: str,
    latest: Cell | None,
    axes: tuple[str, ...],
) -> Target:
    path: Path = ("targets", name)
    _check_accept(written, document, path)
    _check_kind(written, document, path)
    ecr = _ecr(written, document, path) if written.kind == ECR else None
    places = {"": document.where(path)}
    places |= {key: document.where((*path, key)) for key in written.model_fields_set}
    naming = Naming(
        repository=written.repository,
        tag=written.tag,
        floating=tuple(written.floating),
        aliases=tuple(written.aliases),
        latest=latest,
        where=places,
    )
    _check_naming(naming, written, document, path, (*PLACEHOLDERS, *axes))
    return Target(
        name=name,
        registry=_address(written, registry, ecr),
        accept=frozenset(written.accept),
        scan=scan_policy(spec, document, target=name) if written.scan else None,
        kind=written.kind,
        retention=Retention(**written.retention.model_dump()) if written.retention else None,
        naming=naming,
        require_clean=written.require_clean,
        promote_only=written.promote_only,
        ecr=ecr,
    )


def _check_accept(written: TargetSpec, document: Document, path: Path) -> None:
    for at, reason in enumerate(written.accept):
        if reason not in KNOWN_PARTIALS:
            raise ConfigError(
                f"no gate ever gives the partial reason {shown(reason)}",
                where=document.where((*path, "accept", at)),
                todo=near(reason, KNOWN_PARTIALS),
            )


def _check_kind(written: TargetSpec, document: Document, path: Path) -> None:
    """Each kind has its own keys, all of them, and none of another."""
    own = _OWN[written.kind]
    for kind, keys in _OWN.items():
        for key in keys:
            if key in written.model_fields_set and key not in own:
                raise ConfigError(
                    f"{'.'.join(map(str, path))} is of kind {written.kind}, which has no {key}",
                    where=document.where((*path, key)),
                    todo=f"drop it, or write `kind: {kind}`",
                )
    for key in own:
        if getattr(written, key) is None and key not in _OPTIONAL:
            raise ConfigError(
                f"{'.'.join(map(str, path))} lacks {key}, which kind {written.kind} needs",
                where=document.where(path),
                todo=f"add `{key}:`",
            )


def _address(written: TargetSpec, registry: str, ecr: Ecr | None) -> str:
    if ecr:
        return f"{ecr.host}/{written.prefix}" if written.prefix else ecr.host
    if written.kind == HUB:
        return f"{HUB_ADDRESS}/{written.namespace}"
    return written.address or registry


def _ecr(written: TargetSpec, document: Document, path: Path) -> Ecr:
    made = written.repositories or RepositoriesSpec()
    if made.kms_key and made.encryption != "kms":
        raise ConfigError(
            f"a KMS key encrypts nothing with encryption {made.encryption}",
            where=document.where((*path, "repositories", "kms_key")),
            todo="write `encryption: kms` beside it, or drop it",
        )
    return Ecr(
        account=str(written.account),
        region=str(written.region),
        create=made.create,
        scan_on_push=made.scan_on_push,
        immutable=made.immutable,
        exclude=tuple(made.exclude),
        untagged_days=made.untagged_days,
        kms_key=(made.kms_key or "") if made.encryption == "kms" else None,
    )


def _check_naming(
    naming: Naming, written: TargetSpec, document: Document, path: Path, known: tuple[str, ...]
) -> None:
    for key, at, template in _templates(naming):
        where = document.where((*path, key) if at is None else (*path, key, at))
        words = (*known, KEY) if key == "tag" else known
        named = _placeholders(template, where)
        for name in named:
            if name not in words:
                raise ConfigError(
                    f"{shown(template)} has the placeholder {shown(name)}, which there is not here",
                    where=where,
                    todo=near(name, words),
                )
        _check_literals(template, where, repository=key == "repository", kind=written.kind)
        if key == "tag" and named.count(KEY) != 1:
            raise ConfigError(
                f"{shown(template)} names the key {named.count(KEY)} times: a tag that is never "
                "rewritten names it once",
                where=where,
                todo="write {key} into it once, such as {cell}-{key}",
            )
    if naming.latest is None and naming.aliases and "aliases" in written.model_fields_set:
        raise ConfigError(
            "aliases leave out what is the same in the cell that `latest` names, and there is none",
            where=document.where((*path, "aliases")),
            todo="add `latest:` to the matrix, or drop the aliases",
        )


def _templates(naming: Naming) -> Iterator[tuple[str, int | None, str]]:
    yield "repository", None, naming.repository
    yield "tag", None, naming.tag
    for at, template in enumerate(naming.floating):
        yield "floating", at, template


def _placeholders(template: str, where: str) -> list[str]:
    try:
        return placeholders(template)
    except ValueError:
        raise ConfigError(
            f"{shown(template)} has a brace without its other half",
            where=where,
            todo="write placeholders as {cell}",
        ) from None


def _check_literals(template: str, where: str, *, repository: bool, kind: str) -> None:
    """What can be told of a template without any build; the plan looks at whole names."""
    literal = re.sub(r"\{[^{}]*\}", "x", template)
    if not repository and "/" in literal:
        raise ConfigError(
            f"{shown(template)} cannot be a tag: a tag has no /",
            where=where,
            todo="write what is before it as `repository:`",
        )
    if repository and literal != literal.lower():
        raise ConfigError(
            f"{shown(template)} cannot be a repository: its name is in lower case",
            where=where,
            todo=f"write {shown(template.lower())}",
        )
    if repository and kind == HUB and "/" in literal:
        raise ConfigError(
            f"{shown(template)} cannot be a repository of Docker Hub, which has one name below "
            "the namespace",
            where=where,
            todo="write - in place of /",
        )
