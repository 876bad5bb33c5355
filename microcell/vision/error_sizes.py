"""Errors of measured sizes on rendered images. Written by `python bench/vision_checks.py --write`: do not edit."""

from microcell.vision.error_model import Spread

SIZE_ERRORS: dict[str, Spread] = {
    "dimension": Spread(bias=-3.49e-05, sd=4.31e-06),
    "diameter": Spread(bias=-3.55e-05, sd=3.95e-06),
    "gap": Spread(bias=2.99e-05, sd=4.28e-06),
    "patch": Spread(bias=0.0116, sd=0.00215),
    "height": Spread(bias=3.72e-07, sd=3.81e-06),
    "flatness": Spread(bias=3.13e-05, sd=9.23e-06),
}
