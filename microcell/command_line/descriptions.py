"""Commands about descriptions: what is written is checked, shown and turned into other files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from microcell.command_line.arguments import WORLDS, add_command, domain, positive, size, takes_json, takes_line

if TYPE_CHECKING:
    from microcell.command_line.arguments import Commands


def add_description_commands(commands: Commands) -> None:
    """check, schema, faults, show, security, world, new, pack."""
    check = add_command(commands, "check", "check descriptions; every mistake with file, line and remedy")
    check.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="YAML files, or folders of them")
    schema = add_command(commands, "schema", "write the JSON Schemas that editors complete and check with")
    schema.add_argument("--output", type=Path, default=Path("config/schema"), metavar="DIR", help="default: %(default)s")
    faults = add_command(commands, "faults", "list the faults that can be injected: what each is, what the cell must tell")
    faults.add_argument("--line", metavar="LINE", help="only those that can happen on a line, with the places there")
    faults.add_argument("--world", choices=WORLDS[:2], help="only those that a world has")
    takes_json(faults)
    show = add_command(commands, "show", "print what would run for a line, or draw its plan, its cell and its carton")
    takes_line(show)
    show.add_argument("--world", choices=WORLDS, default="mock")
    show.add_argument("--graph", type=Path, metavar="FILE", help="draw the process plan and the cell (.png or .svg) instead")
    show.add_argument("--packing", type=Path, metavar="FILE", help="draw how units lie in a carton (.png or .svg) instead")
    takes_json(show)
    _security_command(commands)
    _world_command(commands)
    _new_command(commands)
    _pack_command(commands)


def _new_command(commands: Commands) -> None:
    new = add_command(commands, "new", "write the files of a line that checks and runs, to change into one's own")
    new.add_argument("what", choices=("line",), help="what to write")
    new.add_argument("name", metavar="NAME", help="of the line and its product")
    new.add_argument("--folder", type=Path, default=Path("config"), metavar="DIR", help="default: config, in this folder")


def _world_command(commands: Commands) -> None:
    world = add_command(commands, "world", "write a line's cell as a Gazebo world (SDF), and the bridge's file beside it")
    takes_line(world)
    world.add_argument("--output", type=Path, required=True, metavar="FILE.sdf", help="written to, with its folder")
    world.add_argument("--namespace", default="", help="of the cell in ROS; default: the cell's name")
    world.add_argument("--seed", type=int, default=0, help="of the parts' scatter at the feeders")


def _security_command(commands: Commands) -> None:
    security = add_command(
        commands, "security", "write who may say what in a line's ROS 2 cell: SROS2 policy, DDS permissions"
    )
    takes_line(security)
    security.add_argument("--output", type=Path, required=True, metavar="DIR", help="written to; files there are replaced")
    security.add_argument("--world", choices=("mock", "real"), default="mock", help="default: %(default)s")
    security.add_argument("--namespace", default="", help="default: the cell's name")
    security.add_argument("--domain", type=domain, default=0, metavar="N", help="ROS_DOMAIN_ID (default: %(default)s)")
    security.add_argument(
        "--days", type=positive(int), default=3650, metavar="N", help="permissions hold so long (default: %(default)s)"
    )


def _pack_command(commands: Commands) -> None:
    pack = add_command(
        commands, "pack", "compute what fits into a carton: units of a product, or the parts of one, with a picture"
    )
    pack.add_argument("product", metavar="PRODUCT", help="name or YAML file of a product")
    pack.add_argument("--carton", type=size, required=True, metavar="LxWxH", help="inside of the carton, m: 0.4x0.3x0.2")
    pack.add_argument("--variant", help="of the product; default: the product's default variant")
    pack.add_argument("--parts", action="store_true", help="the parts of one unit, as a kit, in place of finished units")
    pack.add_argument("--quantity", type=positive(int), metavar="N", help="units (default: as many as fit), or kits (1)")
    pack.add_argument("--clearance", type=positive(float), default=0.001, metavar="M", help="around each box (0.001)")
    pack.add_argument("--output", type=Path, metavar="FILE", help="draw it, as .png or .svg")
    takes_json(pack)
