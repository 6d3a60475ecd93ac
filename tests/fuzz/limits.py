"""Bounds of memory and time around a call, and what became of it."""

import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from irtoolkit.schema import SlideError

READ, REFUSED = "read", "refused"
MEMORY, HANG, OTHER = "memory", "hang", "other"


class Hang(BaseException):
    """The call took too long."""


@contextmanager
def most_memory(megabytes: int) -> Iterator[None]:
    """Let this process ask for at most so much more address space."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (megabytes << 20), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@contextmanager
def most_seconds(seconds: float) -> Iterator[None]:
    """Raise `Hang` in the main thread after so long on the processor, so that a busy machine makes no difference."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def outcome(function: Callable[[], object], seconds: float) -> tuple[str, str]:
    """What became of a call: its kind (read, refused, memory, hang, other), and the message."""
    try:
        with most_seconds(seconds):
            function()
        return READ, ""
    except Hang:
        return HANG, f"more than {seconds:g} s"
    except MemoryError as error:
        return MEMORY, repr(error)
    except (SlideError, OSError) as error:
        return (MEMORY if "more memory than there is" in str(error) else REFUSED), str(error)
    except Exception as error:  # that is what is looked for
        place = error.__traceback__
        while place and place.tb_next:
            place = place.tb_next
        where = f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else ""
        return OTHER, f"{type(error).__name__}: {error} ({where})"[:300]
