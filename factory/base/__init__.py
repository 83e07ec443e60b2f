"""Where the base comes from: here, a stand-in for ``rayproject/ray`` made from packages."""

from factory.base.rootfs import ensure_rootfs
from factory.base.support import rootfs_for, unsupported

__all__ = ["ensure_rootfs", "rootfs_for", "unsupported"]
