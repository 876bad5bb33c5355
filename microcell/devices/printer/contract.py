"""A label printer with a peel-off plate."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from microcell.devices.contract import Device
from microcell.geometry import Pose


@dataclass(frozen=True, slots=True)
class PrintedLabel:
    """A label on the peel-off plate: what is encoded on it and where it lies."""

    content: str
    label_in_cell: Pose


class Printer(Device):
    """Prints one label at a time."""

    @abstractmethod
    async def print_label(self, content: str) -> PrintedLabel:
        """Print a DataMatrix with the content and present the label; LABEL_NOT_PRINTED."""
