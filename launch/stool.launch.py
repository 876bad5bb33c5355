"""Start the flat-packed stool line in the mock world, ten times as fast as real hardware."""

from microcell.composition.launching import launch_cell


def generate_launch_description():
    return launch_cell(line="stool", world="mock", time_scale="10.0")
