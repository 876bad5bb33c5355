"""Errors of measured sizes on rendered images. Written by `python bench/vision_checks.py --write`: do not edit."""

from microcell.vision.error_model import Spread

SIZE_ERRORS: dict[str, Spread] = {
    "dimension": Spread(bias=-0.00003, sd=0.00001),
    "gap": Spread(bias=0.00003, sd=0.00001),
    "diameter": Spread(bias=-0.00003, sd=0.00001),
    "patch": Spread(bias=0.0, sd=0.01),
    "height": Spread(bias=0.0, sd=0.00002),
    "flatness": Spread(bias=0.00003, sd=0.00001),
}
