"""Start the children's shoe line in the mock world, ten times as fast as real hardware."""

from microcell.composition.launching import launch_cell


def generate_launch_description():
    return launch_cell(line="footwear", world="mock", time_scale="10.0")
