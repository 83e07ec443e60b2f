"""Where the base comes from: ``rayproject/ray`` itself, or a stand-in made from packages."""

from factory.base.rootfs import ensure_rootfs
from factory.base.support import driver_floor, rootfs_for, unsupported
from factory.base.upstream import answers, resolve, upstream_repository, upstream_tag

__all__ = [
    "answers",
    "driver_floor",
    "ensure_rootfs",
    "resolve",
    "rootfs_for",
    "unsupported",
    "upstream_repository",
    "upstream_tag",
]
