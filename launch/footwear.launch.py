"""Start the children's shoe line in the mock world, as fast as real hardware: the bead is metered by time."""

from microcell.composition.launching import launch_cell


def generate_launch_description():
    return launch_cell(line="footwear", world="mock", time_scale="1.0")
