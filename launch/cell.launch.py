"""Start a cell: ros2 launch microcell cell.launch.py line:=valve world:=mock (--show-args lists all arguments)."""

from microcell.composition.launching import launch_cell


def generate_launch_description():
    return launch_cell()
