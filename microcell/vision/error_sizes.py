"""Errors of measured sizes on rendered images. Written by `python bench/vision_checks.py --write`: do not edit."""

from microcell.vision.error_model import Spread

SIZE_ERRORS: dict[str, Spread] = {
    "dimension": Spread(bias=-3.58e-05, sd=3.98e-06, repeat_sd=1.22e-06),
    "diameter": Spread(bias=-3.63e-05, sd=3.69e-06, repeat_sd=6.82e-07),
    "gap": Spread(bias=3.11e-05, sd=3.69e-06, repeat_sd=8.73e-07),
    "patch": Spread(bias=0.00948, sd=0.00234, repeat_sd=0.00127),
    "height": Spread(bias=-4.56e-07, sd=5.39e-06, repeat_sd=5.12e-06),
    "flatness": Spread(bias=3.22e-05, sd=9.24e-06, repeat_sd=4.37e-06),
}
