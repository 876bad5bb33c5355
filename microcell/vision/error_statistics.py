"""Measured errors of the rendered images. Written by `python bench/vision.py --write`: do not edit."""

from microcell.vision.error_model import ErrorStatistics, Spread

MEASURED = ErrorStatistics(
    presence=Spread(bias=0.0, sd=0.0),
    absence=Spread(bias=0.00182064, sd=0.00776294),
    position_m=Spread(bias=8.11e-06, sd=1.147e-05),
    orientation_rad=Spread(bias=-0.00060383, sd=0.00372268),
    colour=Spread(bias=0.01253183, sd=0.00330729),
    surface_m=Spread(bias=8.7e-07, sd=2.646e-05),
    flaw_found=1.0,
    flaw_invented=0.0,
    code_read=((0.0, 0.0), (0.03, 0.0), (0.06, 0.0), (0.1, 0.75), (0.15, 1.0), (0.25, 1.0), (0.5, 1.0), (1.0, 1.0)),
    locate_m=Spread(bias=4.3e-07, sd=6.62e-06),
    locate_rad=Spread(bias=-0.00060383, sd=0.00372268),
    exposure_levels=(0.3, 1.2),
)
