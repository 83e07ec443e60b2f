"""So many clusters stand at once, and what nobody waits for has ended when its owner asks."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from factory.places import Places


def test_it_runs_beside_and_is_waited_for_at_the_end() -> None:
    places, go, ended = Places(1), threading.Event(), list[int]()

    def work(number: int) -> None:
        go.wait(30)
        ended.append(number)

    for number in (1, 2):
        places.aside(partial(work, number))
    assert ended == []
    go.set()
    places.wait()
    assert sorted(ended) == [1, 2]


def test_no_more_stand_at_once_than_there_are_places() -> None:
    places, lock, standing, most = Places(2), threading.Lock(), list[int](), list[int]()
    both = threading.Barrier(2)

    def stand(number: int) -> None:
        with places.place():
            with lock:
                standing.append(number)
                most.append(len(standing))
            both.wait(30)  # two of them do stand at once
            with lock:
                standing.remove(number)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(stand, range(6)))
    assert max(most) == 2


def test_a_place_is_free_again_though_its_cluster_broke_off() -> None:
    places = Places(1)
    with pytest.raises(ZeroDivisionError), places.place():
        raise ZeroDivisionError
    with places.place():
        pass
