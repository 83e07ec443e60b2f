"""Being told to end."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

TERMINATION = ("SIGTERM", "SIGHUP")
"""What ends a program besides Ctrl-C."""


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM and a closed terminal do what Ctrl-C does: everything is cleaned up."""

    def interrupt(_number: int) -> None:
        raise KeyboardInterrupt

    with handling(TERMINATION, interrupt):
        yield


@contextmanager
def handling(names: Sequence[str], handle: Callable[[int], None]) -> Iterator[None]:
    """Give ``handle`` the number of each signal of these names that comes, and restore what was.

    A signal that this system does not have is left out, and so is one that is ignored: under
    ``nohup`` a hang-up is to stay without effect. To be entered by the main thread only.
    """
    known = (getattr(signal, name, None) for name in names)  # Windows has no SIGHUP
    heard = [
        number
        for number in known
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN
    ]
    before = {number: signal.signal(number, lambda told, _: handle(told)) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
