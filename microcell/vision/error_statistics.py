"""Measured errors of rendered images, of `python bench/vision.py --scenes 36`; surfaces of 40 with nothing else wrong, what
repeats of 8 scenes that were looked at twice. `--write` replaces this file.
"""

from microcell.vision.error_model import ErrorStatistics, Spread

MEASURED = ErrorStatistics(
    presence=Spread(bias=0.0, sd=0.0, repeat_sd=0.0),
    absence=Spread(bias=0.00204248, sd=0.00834174, repeat_sd=0.0),
    position_m=Spread(bias=5.81e-06, sd=2.452e-05, repeat_sd=1.49e-06),
    orientation_rad=Spread(bias=5.054e-05, sd=0.00035923, repeat_sd=4.24e-05),
    colour=Spread(bias=0.02825995, sd=0.00592053, repeat_sd=0.00056908),
    surface_m=Spread(bias=-9.442e-05, sd=8.415e-05, repeat_sd=3.078e-05),
    outline_m=Spread(bias=1.304e-05, sd=1.614e-05, repeat_sd=1.79e-06),
    flaw_found=1.0,
    flaw_invented=0.0,
    code_read=((0.0, 0.0), (0.05, 0.0), (0.1, 0.0), (0.2, 0.6), (0.5, 1.0), (1.0, 1.0)),
    locate_m=Spread(bias=1.737e-05, sd=1.8e-05, repeat_sd=1.27e-06),
    locate_rad=Spread(bias=5.054e-05, sd=0.00035923, repeat_sd=4.24e-05),
    exposure_levels=(0.3, 1.2),
)
