"""How signals end a run."""

import _thread
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

STOPS = ("SIGINT", "SIGTERM", "SIGHUP")
"""Signals that stop a run: Ctrl-C, a request to end, and the end of the terminal."""

SOON = 0.01
"""Seconds after which a stop that was ignored is tried again."""


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Let each of `STOPS` stop what is done as Ctrl-C does; after the first, only Ctrl-C disturbs its end.

    A signal also stops it that comes while an object is deleted, where Python ignores exceptions.
    """
    known = {number: signal.getsignal(number) for name in STOPS if (number := getattr(signal, name, None))}
    heard = [number for number, handler in known.items() if handler in (signal.SIG_DFL, signal.default_int_handler)]

    def ignore(*_: object) -> None:
        """Unlike SIG_IGN, also for a signal that has come already."""

    def stop(*_: object) -> None:
        for number in heard:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else ignore)
        raise KeyboardInterrupt

    def raise_again(ignored: "UnraisableHookArgs") -> None:
        if isinstance(ignored.exc_value, KeyboardInterrupt):
            again = Timer(SOON, _thread.interrupt_main)
            again.daemon = True
            again.start()
        else:
            hook(ignored)

    hook, sys.unraisablehook = sys.unraisablehook, raise_again
    try:
        for number in heard:
            signal.signal(number, stop)
        yield
    finally:
        sys.unraisablehook = hook
        for number in heard:
            signal.signal(number, known[number])
