"""Key of one run, known to its own processes alone."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ssl import Purpose, SSLContext
from typing import Any

from distributed.security import Security


class RunKey(Security):
    """TLS settings with a key that, where the system can (Linux), is never on a disk.

    OpenSSL reads keys from files. Dask writes them into a temporary folder, which stays when the process is killed
    meanwhile; here they are files in memory, which end with the process.
    """

    def _get_tls_context(self, tls: dict[str, Any], purpose: Purpose) -> SSLContext:
        if not hasattr(os, "memfd_create"):
            return super()._get_tls_context(tls, purpose)
        with ExitStack() as files:
            inside = {name: files.enter_context(_in_memory(tls[name])) for name in ("cert", "key")}
            return super()._get_tls_context(tls | inside, purpose)


@contextmanager
def _in_memory(text: str) -> Iterator[str]:
    """Path of a file in memory with this text."""
    with open(os.memfd_create("key"), "w") as file:
        file.write(text)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}"
