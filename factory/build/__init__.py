"""Steps → images, with BuildKit."""

from factory.build.builder import Builder, write_dockerfile
from factory.build.room import check_room
from factory.build.sources import PackageSources, host_sources

__all__ = ["Builder", "PackageSources", "check_room", "host_sources", "write_dockerfile"]
