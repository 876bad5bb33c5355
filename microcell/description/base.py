"""Base of all descriptions, and the small types that they share."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from microcell.geometry import Pose, Vector, from_rpy

NAME_PATTERN = r"^[a-z][a-z0-9_]*$"
SERIAL_PREFIX_PATTERN = r"^[A-Z0-9]{1,12}$"
LABEL_TEXT_PATTERN = r"^([!-~]+( [!-~]+)*)?$"
ORDER_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
FILE_NAME_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
FAULT_PATTERN = r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$"
SIZE_PATTERN = r"^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)? [A-Za-z]+$"
PATTERN_WORDS = {
    SIZE_PATTERN: "a number with its unit, such as '0.6 s'",
    FAULT_PATTERN: "the id of an injectable fault, such as gripper.slip",
    FILE_NAME_PATTERN: "the name of a file, without folders",
    NAME_PATTERN: "a name of lower case letters, digits and underscores that begins with a letter",
    SERIAL_PREFIX_PATTERN: "1 to 12 capital letters and digits",
    LABEL_TEXT_PATTERN: "words of ASCII with single blanks between them",
    ORDER_ID_PATTERN: "letters, digits, '_', '.' and '-' that begin with a letter or digit",
}
"""What the patterns mean, for messages."""

MAX_NAME = 63

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=MAX_NAME)]
"""Lower case, digits and underscores, as ROS names have it (REP 144)."""


FileName = Annotated[str, StringConstraints(pattern=FILE_NAME_PATTERN, max_length=120)]
"""A file in a known folder: it cannot lead out of it."""


def _checked_pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    return value


TextPattern = Annotated[str, StringConstraints(min_length=1, max_length=400), AfterValidator(_checked_pattern)]
"""A regular expression as Python has them."""


def is_name(value: object) -> bool:
    """Whether a value is a Name."""
    return isinstance(value, str) and len(value) <= MAX_NAME and bool(re.fullmatch(NAME_PATTERN, value))


Metre = Annotated[float, Field(ge=-10.0, le=10.0)]
Radian = Annotated[float, Field(ge=-6.2831854, le=6.2831854)]
JointRadian = Annotated[float, Field(ge=-628.31854, le=628.31854)]
"""Position of a turning joint: some wrists turn several times, and a few a hundred times."""
PositiveMetre = Annotated[float, Field(gt=0.0, le=10.0)]
Rgb = tuple[
    Annotated[int, Field(ge=0, le=255)],
    Annotated[int, Field(ge=0, le=255)],
    Annotated[int, Field(ge=0, le=255)],
]


class Description(BaseModel):
    """Immutable; an unknown key is an error. Files are read strictly: there, no number is taken from text."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False, populate_by_name=True)


class PoseSpec(Description):
    """A pose as people write it: position in m, fixed-axis roll, pitch, yaw in rad (REP 103)."""

    xyz_m: tuple[Metre, Metre, Metre] = Field((0.0, 0.0, 0.0), description="Position.")
    rpy_rad: tuple[Radian, Radian, Radian] = Field((0.0, 0.0, 0.0), description="Roll, pitch, yaw about fixed axes.")

    @property
    def pose(self) -> Pose:
        return _pose(self.xyz_m, self.rpy_rad)


@lru_cache(maxsize=1024)
def _pose(xyz_m: Vector, rpy_rad: Vector) -> Pose:
    return Pose(xyz_m, from_rpy(*rpy_rad))


class Document(Description):
    """A whole YAML file: `kind` says which, `name` is the file's name without ending."""

    name: Name = Field(description="The file's name without ending.")
    summary: str = Field("", max_length=200, description="One line for people.")
