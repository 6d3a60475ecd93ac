"""How signals end a run."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

STOPS = ("SIGINT", "SIGTERM", "SIGHUP")
"""Signals that stop a run: Ctrl-C, a request to end, and the end of the terminal."""


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Let each of `STOPS` stop what is done as Ctrl-C does; after the first, only Ctrl-C disturbs its end."""
    known = {number: signal.getsignal(number) for name in STOPS if (number := getattr(signal, name, None))}
    heard = [number for number, handler in known.items() if handler in (signal.SIG_DFL, signal.default_int_handler)]

    def ignore(*_: object) -> None:
        """Unlike SIG_IGN, also for a signal that has come already."""

    def stop(*_: object) -> None:
        for number in heard:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else ignore)
        raise KeyboardInterrupt

    try:
        for number in heard:
            signal.signal(number, stop)
        yield
    finally:
        for number in heard:
            signal.signal(number, known[number])
