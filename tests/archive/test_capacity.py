"""What a process does with its memory."""

import os
import platform
import subprocess
import sys

import pytest

ARRAYS = """
import resource
import numpy as np
from irtoolkit.archive.capacity import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(40):
        np.ones(2**17)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

first = faults()
keep_freed_memory()
faults()
print(first, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="for glibc only")
def test_arrays_of_a_dask_worker_are_not_fetched_from_the_system_each_time():
    command = [sys.executable, "-c", ARRAYS]
    environment = os.environ | {"MALLOC_TRIM_THRESHOLD_": "65536"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    as_started, kept = map(int, done.stdout.split())
    assert as_started > 40 * 200
    assert kept < as_started / 20
