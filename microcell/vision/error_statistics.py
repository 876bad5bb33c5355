"""Measured errors of the rendered images. Written by `python bench/vision.py --scenes 300 --write`: do not edit."""

from microcell.vision.error_model import ErrorStatistics, Spread

MEASURED = ErrorStatistics(
    presence=Spread(bias=0.0, sd=0.0),
    absence=Spread(bias=0.00194411, sd=0.00796841),
    position_m=Spread(bias=9.23e-06, sd=1.331e-05),
    orientation_rad=Spread(bias=1.464e-05, sd=0.00047434),
    colour=Spread(bias=0.01269, sd=0.00336222),
    surface_m=Spread(bias=5e-08, sd=2.731e-05),
    outline_m=Spread(bias=3e-05, sd=3e-05),
    flaw_found=1.0,
    flaw_invented=0.0,
    code_read=((0.0, 0.0), (0.05, 0.0), (0.1, 0.533), (0.2, 1.0), (0.5, 1.0), (1.0, 1.0)),
    locate_m=Spread(bias=4.8e-07, sd=6.8e-06),
    locate_rad=Spread(bias=1.464e-05, sd=0.00047434),
    exposure_levels=(0.3, 1.3),
)
