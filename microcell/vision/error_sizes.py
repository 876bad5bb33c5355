"""Errors of measured sizes on rendered images. Written by `python bench/vision_checks.py --write`: do not edit."""

from microcell.vision.error_model import Spread

SIZE_ERRORS: dict[str, Spread] = {
    "dimension": Spread(bias=-1.71e-05, sd=6.1e-06),
    "diameter": Spread(bias=-2.95e-05, sd=5.24e-06),
    "gap": Spread(bias=1.45e-05, sd=7.41e-06),
    "patch": Spread(bias=0.0136, sd=0.0023),
    "height": Spread(bias=-9.22e-07, sd=3.29e-06),
    "flatness": Spread(bias=3.14e-05, sd=9.09e-06),
}
