"""The files that descriptions name, beside them or among the shipped ones: URDF, xacro, what checks were taught."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from microcell.description.base import Description
from microcell.description.cell import ArmSpec
from microcell.description.checks import TAUGHT
from microcell.description.product import Inspection, Product
from microcell.description.tool import ToolBase
from microcell.paths import share_directory

D = TypeVar("D", bound=Description)


def named_file(description: Description) -> tuple[str, str, str]:
    """The key that names a file, what it says ("" = none), and the folder of the shipped files."""
    if isinstance(description, ArmSpec):
        return "robot", description.robot, "robots"
    if isinstance(description, ToolBase):
        return "model", description.model or "", "tools"
    return "", "", ""


def shipped_file(name: str, folder: str) -> Path:
    """Path of a shipped file, or of one that was found beside its description (then `name` is its whole path)."""
    return share_directory() / "urdf" / folder / name


def leads_out(path: Path, beside: Path) -> bool:
    """Whether a file that a description at `beside` names is a link to somewhere else.

    A description may refer to what lies in its own configuration (the folder above its own) and to what is shipped;
    where it is a link itself, as `colcon build --symlink-install` makes them, to what lies where that leads.
    """
    homes = [beside.absolute().parents[1:2], beside.resolve().parents[1:2], _shipped_home()]
    real = path.resolve()
    return not any(real.is_relative_to(home.resolve()) for found in homes for home in found)


def _shipped_home() -> list[Path]:
    try:
        return [share_directory() / "config", share_directory() / "urdf"]
    except FileNotFoundError:
        return []


def find_file(description: Description, beside: Path) -> Path | None:
    """Path of the file that a description names; None where there is none."""
    _, name, folder = named_file(description)
    for path in (beside.absolute().parent / name, shipped_file(name, folder)):
        if name and path.is_file():
            return path
    return None


def with_file(description: D, beside: Path) -> D:
    """The description, with the whole path of a file that lies beside it."""
    key, name, folder = named_file(description)
    found = find_file(description, beside)
    if found is None or found == shipped_file(name, folder):
        return description
    return description.model_copy(update={key: str(found)})


def with_models(product: Product, beside: Path) -> Product:
    """The product, with the whole paths of its checks' models; whether they are there, the check finds out."""
    inspections = {name: _with_models(inspection, beside) for name, inspection in product.inspections.items()}
    return product if inspections == product.inspections else product.model_copy(update={"inspections": inspections})


def _with_models(inspection: Inspection, beside: Path) -> Inspection:
    folder = beside.absolute().parent
    found = {
        name: check.model_copy(update={"model": str(folder / check.model)})
        for name, check in inspection.checks.items()
        if isinstance(check, TAUGHT) and check.model is not None
    }
    return inspection.model_copy(update={"checks": {**inspection.checks, **found}}) if found else inspection
