"""What all tests share."""

from __future__ import annotations

import gc
import os
from pathlib import Path

from hypothesis import HealthCheck, settings

settings.register_profile("microcell", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("microcell")  # however slow the machine is, that is no failure

GROWN_BYTES = 300e6
"""A cell that is closed leaves collision models of some 100 MB in reference cycles, which weigh nothing for Python: it would
keep gigabytes of them before it collects.
"""

_resident_after_collecting = 0.0


def pytest_runtest_teardown() -> None:
    """Collect garbage whenever the process has grown by so much."""
    global _resident_after_collecting
    if _resident() > _resident_after_collecting + GROWN_BYTES:
        gc.collect()
        _resident_after_collecting = _resident()


def _resident() -> float:
    """Memory of this process, bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * float(os.sysconf("SC_PAGE_SIZE"))
