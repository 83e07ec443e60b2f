"""How much disk images take that are taken apart together."""

from __future__ import annotations

from factory.scan.apart import bytes_of

BASE = [("FROM scratch", 0), ("ADD rootfs", 100), ("RUN pip", 50)]


def test_what_images_begin_with_alike_is_counted_once() -> None:
    images = [[*BASE, ("COPY app", size)] for size in (3, 4, 5)]
    assert bytes_of(images) == 150 + 3 + 4 + 5


def test_the_same_instruction_on_another_layer_is_counted_again() -> None:
    assert bytes_of([[("ADD a", 1), ("COPY x", 10)], [("ADD b", 2), ("COPY x", 10)]]) == 23


def test_an_image_twice_is_counted_once() -> None:
    assert bytes_of([BASE, BASE]) == 150
