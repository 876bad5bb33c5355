"""Errors of measured sizes on rendered images. Written by `python bench/vision_checks.py --write`: do not edit."""

from microcell.vision.error_model import Spread

SIZE_ERRORS: dict[str, Spread] = {
    "dimension": Spread(bias=-3.59e-05, sd=3.61e-06, repeat_sd=1.05e-06),
    "diameter": Spread(bias=-3.66e-05, sd=3.65e-06, repeat_sd=6.65e-07),
    "gap": Spread(bias=3.17e-05, sd=3.73e-06, repeat_sd=9.4e-07),
    "patch": Spread(bias=0.00884, sd=0.00265, repeat_sd=0.00117),
    "height": Spread(bias=-1.6e-06, sd=4.66e-06, repeat_sd=4.99e-06),
    "flatness": Spread(bias=3.1e-05, sd=8.75e-06, repeat_sd=4.64e-06),
    "diameter of marks": Spread(bias=-4.73e-07, sd=8.71e-06, repeat_sd=5.99e-07),
    "gap of marks": Spread(bias=9.27e-07, sd=8.87e-06, repeat_sd=7.36e-07),
}
