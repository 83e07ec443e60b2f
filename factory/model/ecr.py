"""What Amazon's registry is told of the repositories that are made in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HOST = re.compile(r"([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ecr:
    """An account's registry in one region, and how repositories that are missing are made there.

    Attributes:
        account: twelve digits.
        region: such as ``eu-central-1``.
        create: whether they are made at all.
        scan_on_push: whether Amazon scans what is pushed, beside our own gate.
        immutable: whether it refuses to rewrite a tag, but for those that ``exclude`` means.
        exclude: filters of tags that move, with ``*`` for anything; none: those that are derived
            from the floating tags.
        untagged_days: after how many an image that no tag names goes; ``None``: never.
        kms_key: the key that encrypts them: an ARN, an id or an alias; ``""`` is Amazon's own key
            in KMS, and ``None`` plain AES-256.
    """

    account: str
    region: str
    create: bool = True
    scan_on_push: bool = True
    immutable: bool = True
    exclude: tuple[str, ...] = ()
    untagged_days: int | None = None
    kms_key: str | None = None

    @classmethod
    def at(cls, host: str) -> Ecr | None:
        """Whose registry a host is, by its name; ``None`` if it is not Amazon's."""
        found = _HOST.fullmatch(host)
        return cls(account=found[1], region=found[2]) if found else None

    @property
    def host(self) -> str:
        """Where the registry answers."""
        china = ".cn" if self.region.startswith("cn-") else ""
        return f"{self.account}.dkr.ecr.{self.region}.amazonaws.com{china}"
