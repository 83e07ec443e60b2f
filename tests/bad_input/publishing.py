"""How targets are wrong: their keys, the names that they give, and names that clash."""

from __future__ import annotations

from tests.bad_input.spoiling import LINE, Case, matrix


def _target(id: str, written: str, *says: str, real: bool = False) -> Case:
    """``written`` is in place of ``kind: local``, from column 11 of line 12."""
    return Case(id=id, spoil=matrix("kind: local", written), says=says, real=real)


PUBLISHING = [
    Case(
        id="nothing but targets to promote to",
        spoil=matrix("{kind: local}", "{kind: local, promote_only: true}"),
        says=("every target is `promote_only`", "have one target without it"),
        real=True,
    ),
    _target(
        "a registry without an address",
        "kind: registry",
        LINE.format(12, 3),
        "targets.local lacks address, which kind registry needs",
        real=True,
    ),
    _target(
        "an ecr without a region",
        'kind: ecr, account: "123456789012"',
        LINE.format(12, 3),
        "lacks region",
    ),
    _target(
        "an account without quotes",
        "kind: ecr, region: eu-central-1, account: 123456789012",
        LINE.format(12, 44),
        'write "123456789012"',
    ),
    _target(
        "a key of another kind",
        "kind: hub, namespace: acme, region: eu-central-1",
        LINE.format(12, 39),
        "is of kind hub, which has no region",
        "drop it, or write `kind: ecr`",
    ),
    _target(
        "a key of no kind",
        "kind: hub, namespce: acme",
        "unknown key 'namespce'",
        "did you mean namespace?",
    ),
    _target(
        "a KMS key that encrypts nothing",
        'kind: ecr, account: "123456789012", region: eu-central-1, '
        "repositories: {kms_key: alias/x}",
        "encrypts nothing with encryption aes256",
        "write `encryption: kms`",
    ),
    _target(
        "a misspelt placeholder",
        'kind: local, tag: "{cel}-{key}"',
        LINE.format(12, 24),
        "'{cel}-{key}' has the placeholder 'cel', which there is not here",
        "did you mean cell?",
        real=True,
    ),
    _target(
        "a key in a tag that moves",
        'kind: local, floating: ["{cell}", "{key}"]',
        LINE.format(12, 45),
        "has the placeholder 'key'",
    ),
    _target(
        "an immutable tag without the key",
        'kind: local, tag: "{cell}"',
        LINE.format(12, 24),
        "names the key 0 times",
        "write {key} into it once",
    ),
    _target(
        "an expression in a template",
        'kind: local, tag: "{{ key | upper }}"',
        LINE.format(12, 24),
        "is not a valid template",
    ),
    _target(
        "half a placeholder",
        'kind: local, tag: "{cell}-{key"',
        "has a brace without its other half",
    ),
    _target(
        "a tag with a slash",
        'kind: local, tag: "{cell}/{key}"',
        "a tag has no /",
        "write what is before it as `repository:`",
    ),
    _target(
        "a repository in capitals",
        'kind: local, repository: "Team/{image}"',
        "its name is in lower case",
        "write 'team/{image}'",
    ),
    _target(
        "a repository that is no name",
        'kind: local, repository: "{image}-"',
        "would be in 127.0.0.1:5000/demo-, which is no name of a repository",
    ),
    _target(
        "a folder at Docker Hub",
        'kind: hub, namespace: acme, repository: "ray/{image}"',
        "one name below the namespace",
        "write - in place of /",
    ),
    _target(
        "an alias that there is not",
        "kind: local, aliases: [omit-ray]",
        LINE.format(12, 34),
        "'omit-python'",
    ),
    Case(
        id="aliases without a latest cell",
        spoil=lambda root: (
            matrix('latest: {ray: "2.60.0"}\n', "\n")(root),
            matrix("kind: local", "kind: local, aliases: [omit-python]")(root),
        )[0],
        says=("the cell that `latest` names, and there is none", "add `latest:`"),
    ),
    _target(
        "one floating tag for all",
        "kind: local, floating: [stable]",
        LINE.format(12, 24),
        "demo:2.60.0-py311-cpu and demo:2.55.1-py311-cpu would both be tagged",
        "127.0.0.1:5000/demo:stable at `local`",
        "write {cell} into each floating tag",
        real=True,
    ),
    _target(
        "two targets in one repository",
        "kind: local}\n  again: {kind: local",
        LINE.format(13, 3),
        "at `local` and demo:2.60.0-py311-cpu at `again` would have one tag",
    ),
    _target(
        "a floating tag that a key could make",
        'kind: local, floating: ["{cell}", "{cell}-deadbeef0000"]',
        "which could be an immutable one of demo:2.60.0-py311-cpu",
        "build-{cell}-{key}",
    ),
]
