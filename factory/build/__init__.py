"""Steps → images, with BuildKit."""

from factory.build.builder import Builder, one_folder, write_dockerfile
from factory.build.host import host_sources
from factory.build.maker import Host, make_builder
from factory.build.room import check_room
from factory.build.sources import PackageSources
from factory.build.wheels import asking, check_wheels

__all__ = [
    "Builder",
    "Host",
    "PackageSources",
    "asking",
    "check_room",
    "check_wheels",
    "host_sources",
    "make_builder",
    "one_folder",
    "write_dockerfile",
]
