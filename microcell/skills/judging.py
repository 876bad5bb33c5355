"""The limits of an inspection's checks."""

from __future__ import annotations

from microcell.description.checks import Check


def limits_of(check: Check) -> tuple[float | None, float | None]:
    """Lower and upper limit of a check's reading, in the reading's unit."""
    if check.kind == "presence":
        return check.min_ratio, None
    if check.kind == "position":
        return None, check.max_offset_m
    if check.kind == "orientation":
        return None, check.max_angle_rad
    if check.kind == "colour":
        return None, check.max_delta_e_ratio
    if check.kind == "surface":
        return None, check.max_flaw_m
    if check.kind == "anomaly":
        return None, check.max_score_ratio
    if check.kind == "taught_presence":
        return 0.0, None
    if check.kind == "template":
        return None, 0.0
    if check.kind == "count":
        return float(check.expected), float(check.expected)
    return 1.0, None
