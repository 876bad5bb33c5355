"""Files of what was taught: arrays and a JSON header in one .npz, with what it was made from."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from microcell.faults import FaultError

if TYPE_CHECKING:
    import numpy.typing as npt

VERSION = 1
"""Of the files; another one is refused."""

_HEADER = "header"


@dataclass(frozen=True)
class Header:
    """What a model says of itself.

    `options` are the check's as it was taught, `inputs_sha256` that of the photos in their order, `taught` the date that
    was handed in (ISO 8601), `figures` the rates that teaching measured.
    """

    kind: str
    check: str
    options: Mapping[str, Any]
    inputs_sha256: str
    thresholds: Mapping[str, float]
    taught: str
    figures: Mapping[str, float] = field(default_factory=dict)
    version: int = VERSION


@dataclass(frozen=True)
class Model:
    """A header with its arrays."""

    header: Header
    arrays: Mapping[str, npt.NDArray[Any]]


def save(model: Model, path: Path) -> None:
    """Write a model; the same model makes the same bytes."""
    text = json.dumps(asdict(model.header), sort_keys=True).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in ((_HEADER, np.frombuffer(text, np.uint8)), *sorted(model.arrays.items())):
            info = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w") as entry:
                np.lib.format.write_array(entry, np.ascontiguousarray(values), allow_pickle=False)


def load(path: Path, kind: str, where: str) -> Model:
    """Read a model of a kind of check; INSPECTION_NOT_CONFIGURED where there is none that can be used."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        header = Header(**json.loads(arrays.pop(_HEADER).tobytes()))
    except FileNotFoundError:
        raise not_taught(where, f"there is no file '{path}'") from None
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise not_taught(where, f"'{path}' is no model ({error})") from error
    if header.version != VERSION:
        raise not_taught(where, f"'{path}' is of version {header.version}, not {VERSION}")
    if header.kind != kind:
        raise not_taught(where, f"'{path}' was taught for a check of kind '{header.kind}', not '{kind}'")
    return Model(header, arrays)


def not_taught(where: str, why: str) -> FaultError:
    """The fault of a check without a usable model, with what to do."""
    remedy = "teach it: microcell teach PRODUCT/CHECK --good DIR --output FILE, and name the file as its 'model'"
    return FaultError("INSPECTION_NOT_CONFIGURED", where, f"{why}; {remedy}")


def hash_of(images: Iterable[npt.NDArray[Any]]) -> str:
    """SHA-256 of images, their shapes and types included."""
    digest = hashlib.sha256()
    for image in images:
        digest.update(f"{image.shape}{image.dtype}".encode())
        digest.update(np.ascontiguousarray(image).tobytes())
    return digest.hexdigest()
