from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.buildcache import BASE, Record, left_by, marked, read
from factory.errors import ConfigError
from tests.conftest import ROOT

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
USAGE = """\
ID:\t\tapt
Parent:\t\trootfs
Created at:\t2026-11-21 06:00:00.123456789 +0000 UTC
Mutable:\tfalse
Description:\tmount / from exec /bin/sh -c : "as of bench-1" && apt-get update <<END
Type: of a line in a here-document
END
Type:\t\tregular

ID:\t\trootfs
Created at:\t2026-11-21 05:59:00 +0000 UTC
Description:\t[drop-in 1/6] ADD rootfs.tar /
Type:\t\tregular

Shared:\t\t0B
Total:\t\t1.2GB
"""


def record(name: str, *parents: str, kind: str = "regular", description: str = "") -> Record:
    return Record(id=name, kind=kind, description=description, created=NOW, parents=parents)


def test_what_buildx_prints_is_read_entry_by_entry() -> None:
    apt, rootfs = read(USAGE)
    assert (apt.id, apt.kind, apt.parents) == ("apt", "regular", ("rootfs",))
    assert apt.created == NOW
    assert "bench-1" in apt.description
    assert (rootfs.id, rootfs.parents) == ("rootfs", ())


def test_nothing_is_read_from_an_empty_cache() -> None:
    assert read("Total:\t\t0B\n") == []


CHAIN = (
    record("rootfs"),
    record("apt", "rootfs", description='as of "bench-1"'),
    record("ray", "apt"),
    record("app", "ray"),
)


def test_what_bears_a_mark_goes_with_all_above_and_below_it_children_first() -> None:
    assert left_by(CHAIN, ["bench-1"], NOW) == ("app", "ray", "apt", "rootfs")


def test_layers_of_others_stay() -> None:
    others = (record("theirs"), record("more", "theirs", description='as of "2026-11"'))
    assert set(left_by((*CHAIN, *others), ["bench-1"], NOW)) == {"rootfs", "apt", "ray", "app"}


def test_without_a_mark_that_is_there_nothing_goes() -> None:
    assert left_by(CHAIN, ["bench-2"], NOW) == ()


def test_cache_mounts_stay_though_they_tell_of_the_build_that_made_them() -> None:
    mount = record("uv", "folder", kind="exec.cachemount", description="by bench-1")
    assert left_by((record("folder"), mount), ["bench-1"], NOW) == ()


def test_of_the_folders_that_were_sent_those_go_that_came_since() -> None:
    sent = record("sent", kind="source.local", description="local source for context")
    assert left_by([sent], ["bench-1"], NOW) == ("sent",)
    assert left_by([sent], ["bench-1"], NOW + timedelta(seconds=1)) == ()


def test_what_a_base_leaves_bears_the_mark_in_the_name_of_its_stage() -> None:
    shipped = (ROOT / "dockerfiles" / BASE).read_text("utf-8")
    template = marked(shipped, "bench-1")
    assert "FROM scratch AS drop-in-bench-1\nADD rootfs.tar /\n" in template
    assert template.replace("drop-in-bench-1", "drop-in") == shipped
    assert template.count("drop-in-bench-1") == shipped.count("drop-in")


def test_a_base_without_that_stage_is_refused() -> None:
    with pytest.raises(ConfigError, match="'drop-in'"):
        marked("FROM scratch AS other\nADD rootfs.tar /\n", "bench-1")
