"""Memory that a call takes."""

import tracemalloc


def peak_bytes(function):
    """Measure the most memory that a call takes."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
