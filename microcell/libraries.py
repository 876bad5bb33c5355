"""Heavy libraries that need a hand before they can be imported."""

from __future__ import annotations

import ctypes
import importlib
from functools import lru_cache
from typing import Any

from microcell.errors import MissingCapabilityError

LIBUSB = "libusb-1.0.so.0"


@lru_cache(maxsize=1)
def open3d() -> Any:
    """The module open3d; MissingCapabilityError says what to install where it cannot be imported.

    It links libusb, for depth cameras that are not used here: where the system has none, that of the package
    libusb-package is loaded first.
    """
    try:
        _load_libusb()
        return importlib.import_module("open3d")
    except (ImportError, OSError) as error:
        raise MissingCapabilityError(
            f"rendered cameras and point clouds need open3d, which cannot be imported here: {error}. Install it with "
            "'pip install open3d-cpu libusb-package', and on Debian or Ubuntu 'apt install libgl1 libegl1'."
        ) from error


def _load_libusb() -> None:
    try:
        ctypes.CDLL(LIBUSB)
    except OSError:
        package = importlib.import_module("libusb_package")
        ctypes.CDLL(str(package.get_library_path()), mode=ctypes.RTLD_GLOBAL)
