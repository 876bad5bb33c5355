"""Measured errors of rendered images. Written by `python bench/vision.py --scenes 150 --seed 1 --write`: do not edit."""

from microcell.vision.error_model import ErrorStatistics, Spread

MEASURED = ErrorStatistics(
    presence=Spread(bias=0.0, sd=0.0, repeat_sd=0.0),
    absence=Spread(bias=0.00160698, sd=0.00645768, repeat_sd=0.0002976),
    position_m=Spread(bias=1.72e-06, sd=2.307e-05, repeat_sd=2.71e-06),
    orientation_rad=Spread(bias=-1.01e-05, sd=0.0003864, repeat_sd=4.945e-05),
    colour=Spread(bias=0.02797053, sd=0.00615015, repeat_sd=0.00164898),
    surface_m=Spread(bias=-0.00010973, sd=9.175e-05, repeat_sd=1.291e-05),
    outline_m=Spread(bias=1.555e-05, sd=1.428e-05, repeat_sd=3.5e-06),
    flaw_found=1.0,
    flaw_invented=0.0,
    code_read=((0.0, 0.0), (0.05, 0.0), (0.1, 0.067), (0.2, 0.667), (0.5, 1.0), (1.0, 1.0)),
    locate_m=Spread(bias=1.92e-05, sd=1.644e-05, repeat_sd=1.28e-06),
    locate_rad=Spread(bias=-1.01e-05, sd=0.0003864, repeat_sd=4.945e-05),
    exposure_levels=(0.3, 1.2),
)
