"""The `microcell` command: arguments in, one module of `microcell.commands` called, exit code out.

Exit codes: 0 done, 1 the work did not end well (scrap, a held cell, a failed check), 2 wrong usage or configuration,
130 interrupted by Ctrl-C.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from microcell import __version__
from microcell.arguments import day, domain, positive, ratio
from microcell.errors import MicrocellError

WORLDS = ("virtual", "mock", "gazebo", "real")
ORDER_FORMATS = ("own", "csv", "b2mml", "nexus", "ariac")


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the arguments and run the command; errors of ours become one clear text and exit code 2."""
    args = _parser().parse_args(argv)
    module = importlib.import_module(f"microcell.commands.{getattr(args, 'module', args.command)}")
    try:
        return int(module.run(args))
    except MicrocellError as error:
        print(f"microcell {args.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="microcell",
        description="Runs modular automation cells: from a YAML description to packed, inspected units.",
    )
    parser.add_argument("--version", action="version", version=f"microcell {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _description_commands(commands)
    _run_command(commands)
    _view_command(commands)
    _cell_commands(commands)
    _report_command(commands)
    _journal_commands(commands)
    _teach_command(commands)
    _calibrate_command(commands)
    _pack_command(commands)
    _import_command(commands)
    return parser


Commands = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _description_commands(commands: Commands) -> None:  # type: ignore[valid-type]
    check = _add(commands, "check", "check descriptions; every mistake with file, line and remedy")
    check.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="YAML files, or folders of them")
    schema = _add(commands, "schema", "write the JSON Schemas that editors complete and check with")
    schema.add_argument(
        "--output", type=Path, default=Path("config/schema"), metavar="DIR", help="default: %(default)s"
    )
    faults = _add(commands, "faults", "list the faults that can be injected: what each is, what the cell must tell")
    faults.add_argument("--line", metavar="LINE", help="only those that can happen on a line, with the places there")
    faults.add_argument("--world", choices=WORLDS[:2], help="only those that a world has")
    _json(faults)
    show = _add(commands, "show", "print what would run for a line: processes, nodes, devices, bring-up order")
    _line(show)
    show.add_argument("--world", choices=WORLDS, default="mock")
    _json(show)
    _security_command(commands)
    _world_command(commands)
    _new_command(commands)


def _new_command(commands: Commands) -> None:  # type: ignore[valid-type]
    new = _add(commands, "new", "write the files of a line that checks and runs, to change into one's own")
    new.add_argument("what", choices=("line",), help="what to write")
    new.add_argument("name", metavar="NAME", help="of the line and its product")
    new.add_argument("--folder", type=Path, default=Path("config"), metavar="DIR", help="default: config, in this folder")


def _world_command(commands: Commands) -> None:  # type: ignore[valid-type]
    world = _add(commands, "world", "write a line's cell as a Gazebo world (SDF), and the bridge's file beside it")
    _line(world)
    world.add_argument("--output", type=Path, required=True, metavar="FILE.sdf", help="written to, with its folder")
    world.add_argument("--namespace", default="", help="of the cell in ROS; default: the cell's name")
    world.add_argument("--seed", type=int, default=0, help="of the parts' scatter at the feeders")


def _security_command(commands: Commands) -> None:  # type: ignore[valid-type]
    security = _add(commands, "security", "write who may say what in a line's ROS 2 cell: SROS2 policy, DDS permissions")
    _line(security)
    security.add_argument("--output", type=Path, required=True, metavar="DIR", help="written to; files there are replaced")
    security.add_argument("--world", choices=("mock", "real"), default="mock", help="default: %(default)s")
    security.add_argument("--namespace", default="", help="default: the cell's name")
    security.add_argument("--domain", type=domain, default=0, metavar="N", help="ROS_DOMAIN_ID (default: %(default)s)")
    security.add_argument(
        "--days", type=positive(int), default=3650, metavar="N", help="permissions hold so long (default: %(default)s)"
    )


def _run_command(commands: Commands) -> None:  # type: ignore[valid-type]
    run = _add(commands, "run", "produce in one process on virtual time, faster than real time")
    _line(run)
    _what(run)
    run.add_argument("--seed", type=int, default=0, help="of all that scatters; the same seed gives the same journal")
    run.add_argument(
        "--camera",
        choices=("modelled", "rendered"),
        default="modelled",
        help="modelled: readings drawn around the truth with the measured errors of the rendered pipeline; "
        "rendered: images are made and judged (default: %(default)s)",
    )
    run.add_argument(
        "--faults",
        metavar="FILE|SEED",
        help="faults that happen: a schedule as YAML, or an integer that some are drawn from (see 'microcell faults')",
    )
    run.add_argument(
        "--defects",
        type=ratio,
        default=0.0,
        metavar="RATIO",
        help="about so many units come out bad, of every kind that the inspections look for (0.05: one in twenty)",
    )
    run.add_argument("--hours", type=positive(float), help="end after so many hours of cell time")
    run.add_argument("--journal", type=Path, metavar="FILE", help="keep the journal; without it, it is only in memory")
    _json(run)


def _view_command(commands: Commands) -> None:  # type: ignore[valid-type]
    view = _add(commands, "view", "show the cell in 3-D while it makes a unit: in a browser, or as a picture")
    _line(view)
    view.add_argument(
        "--output", type=Path, metavar="FILE", help="write a .gif (animated) or .png (still) and open no browser"
    )
    view.add_argument("--unit", type=positive(int), default=1, metavar="N", help="which unit of the run (default: 1)")
    view.add_argument("--seed", type=int, default=0, help="of all that scatters, as in run")
    view.add_argument("--at", type=positive(float), metavar="S", help="still: so long after the unit was begun")
    view.add_argument("--speed", type=positive(float), default=4.0, help="animation: times as fast (default: 4)")
    view.add_argument("--width", type=positive(int), default=800, metavar="PX", help="of the picture (default: 800)")
    view.add_argument("--port", type=int, default=8080, help="of the browser's page, on this machine (default: 8080)")


def _cell_commands(commands: Commands) -> None:  # type: ignore[valid-type]
    up = _add(commands, "up", "start the ROS 2 cell of a line and keep it running until Ctrl-C")
    _line(up)
    up.add_argument("--world", choices=WORLDS[1:], default="mock")
    up.add_argument("--journal", type=Path, metavar="FILE", help="default: out/<line>.journal")
    up.add_argument("--seed", type=int, default=0, help="of the mock hardware's scatter")
    up.add_argument("--window", action="store_true", help="world gazebo: with Gazebo's window")
    up.add_argument("--time-scale", type=positive(float), help="speed of mock hardware against real time")
    up.add_argument("--namespace", default="", help="default: the cell's name")

    order = _add(commands, "order", "hand orders to a running cell; list, update and control them")
    order.add_argument("file", nargs="?", type=Path, metavar="FILE", help="order as YAML")
    _what(order, product=True)
    order.add_argument("--priority", type=int, default=0, help="-100 to 100, higher goes first")
    order.add_argument("--no-wait", action="store_true", help="return as soon as the order is accepted")
    what = order.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="list the orders of the cell")
    what.add_argument("--from", dest="from_file", type=Path, metavar="FILE", help="orders of other systems (see import)")
    what.add_argument("--update", type=Path, metavar="FILE", help="the order as it is to be; the difference is applied")
    for control in ("start", "revoke-start", "pause", "resume", "stop", "cancel"):
        what.add_argument(f"--{control}", metavar="ORDER_ID")
    for choice in ("partial", "substitute"):
        what.add_argument(f"--{choice}", metavar="ORDER_ID", help="what to do about parts that are short")
    _foreign(order, product=False)
    _cell(order)

    command = _add(
        commands, "command", "give a running cell or a station a PackML command: reset, start, stop, hold, unhold, ..."
    )
    command.add_argument("name", metavar="NAME")
    command.add_argument("--unit", default="", help="station, such as fixture_1; default: the cell")
    command.add_argument("--reason", default="", help="kept in the journal")
    _cell(command)

    mode = _add(commands, "mode", "list the cell and its stations as PackML units, or change a mode")
    mode.add_argument("mode", nargs="?", choices=("production", "maintenance", "manual"))
    mode.add_argument("--unit", default="", help="station, such as fixture_1; default: the cell")
    mode.add_argument("--reason", default="", help="kept in the journal")
    _cell(mode)

    tools = _add(commands, "tools", "list a running cell's tools; change, dock, renew, put out of service and back")
    asked = tools.add_mutually_exclusive_group()
    asked.add_argument("--change", metavar="TOOL", help="mount this tool now, while nobody else has the arm")
    asked.add_argument("--dock", action="store_true", help="put the mounted tool into its pocket now")
    asked.add_argument("--out-of-service", metavar="TOOL", help="do not choose this tool any more")
    asked.add_argument("--in-service", metavar="TOOL", help="it may be chosen again")
    asked.add_argument("--renew", metavar="TOOL", help="it was overhauled or calibrated: its life begins anew")
    tools.add_argument("--arm", default="", help="which arm, where several could be meant")
    tools.add_argument("--reason", default="", help="kept in the journal")
    _cell(tools)

    questions = _add(commands, "questions", "what a running cell asks its operator, and what each answer leads to")
    questions.add_argument("--all", action="store_true", help="settled questions too")
    _cell(questions)

    answer = _add(commands, "answer", "answer a question of a running cell")
    answer.add_argument("id", metavar="ID", help="as `microcell questions` lists it")
    answer.add_argument("choice", metavar="CHOICE", help="one of the question's choices")
    answer.add_argument("--by", default="", help="who answers; default: who is logged in")
    _cell(answer)

    device = _add(commands, "device", "put a device of a running cell out of service, or back into it")
    device.add_argument("device", metavar="NAME", help="of the cell's description; a tool as well")
    put = device.add_mutually_exclusive_group(required=True)
    put.add_argument("--out-of-service", action="store_true", help="nothing is planned with it any more")
    put.add_argument("--in-service", action="store_true", help="it may be planned with again")
    device.add_argument("--reason", default="", help="kept in the journal")
    _cell(device)

    watch = _add(commands, "watch", "live view of a running cell: state, orders, stations, last faults")
    watch.add_argument("--once", action="store_true", help="print the present state and return")
    watch.add_argument("--until-order", metavar="ORDER_ID", help="return when that order has ended")
    _cell(watch)


def _report_command(commands: Commands) -> None:  # type: ignore[valid-type]
    report = _add(commands, "report", "what a journal says: units, serials, lots, measured values, yield, OEE")
    report.add_argument("journal", type=Path, metavar="JOURNAL")
    report.add_argument("--gantt", type=Path, metavar="FILE", help="draw who did what when, as PNG or SVG")
    report.add_argument("--quality", type=Path, metavar="FILE", help="draw distributions and control charts, as PNG or SVG")
    report.add_argument("--all", action="store_true", help="list every unit")
    _json(report)


def _journal_commands(commands: Commands) -> None:  # type: ignore[valid-type]
    verify = _add(commands, "verify", "check that a journal is what was written: chain, signatures, nothing missing")
    verify.add_argument("journal", type=Path, metavar="JOURNAL")
    verify.add_argument(
        "--public-key",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="of the site; may be repeated for keys that followed each other; default: those in the folder of keys",
    )
    verify.add_argument(
        "--noted", action="append", default=[], metavar="N:HASH", help="a head that was noted earlier; may be repeated"
    )
    _keys(verify)
    _json(verify)

    backup = _add(commands, "backup", "copy a journal, also while a cell writes it, and verify the copy")
    backup.add_argument("journal", type=Path, metavar="JOURNAL")
    backup.add_argument("file", type=Path, metavar="FILE", help="a new file")

    rotate = _add(commands, "rotate", "leave what a journal holds to a file beside it, and go on after that")
    rotate.add_argument(
        "journal", nargs="?", type=Path, metavar="JOURNAL", help="that no cell writes; default: that of a running cell"
    )
    _keys(rotate)
    _cell(rotate)

    key = _add(commands, "key", "make or show the site's key, which signs journals")
    key.add_argument("what", choices=("new", "show", "sign"), help="sign: the last entry of a journal that nobody writes")
    key.add_argument("journal", nargs="?", type=Path, metavar="JOURNAL", help="to sign")
    key.add_argument("--replace", action="store_true", help="new: in place of the key that is there")
    _keys(key)


def _keys(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keys", type=Path, metavar="DIR", help="folder of keys; default: $MICROCELL_KEYS, else ~/.config/microcell/keys"
    )


def _teach_command(commands: Commands) -> None:  # type: ignore[valid-type]
    teach = _add(commands, "teach", "teach an inspection's check from photos; error rates to expect, with a picture")
    teach.add_argument("check", metavar="PRODUCT/CHECK", help="name or YAML file of a product, and its check")
    teach.add_argument("--good", type=Path, required=True, metavar="DIR", help="photos of good parts")
    teach.add_argument("--bad", type=Path, metavar="DIR", help="photos of bad parts")
    teach.add_argument("--output", type=Path, required=True, metavar="FILE", help="the model (.npz); a picture beside it")
    teach.add_argument("--date", metavar="DATE", help="kept in the model (default: today)")
    _json(teach)

    gauge = _add(commands, "gauge", "gauge R&R: how far what inspections measure can be trusted")
    gauge.add_argument("line", nargs="?", metavar="LINE", help="study its inspections in the simulated plant")
    source = gauge.add_mutually_exclusive_group()
    source.add_argument("--table", type=Path, metavar="FILE", help="study a CSV file: feature, part, appraiser, value")
    source.add_argument("--journal", type=Path, metavar="FILE", help="study units that were inspected repeatedly")
    gauge.add_argument("--inspection", help="only this one of the product")
    gauge.add_argument("--variant", help="of the product; default: the product's default variant")
    gauge.add_argument("--parts", type=int, choices=range(2, 101), default=10, metavar="N", help="default: %(default)s")
    gauge.add_argument("--trials", type=int, choices=range(2, 21), default=3, metavar="N", help="default: %(default)s")
    gauge.add_argument("--seed", type=int, default=0, help="of the parts and of the camera's noise")
    gauge.add_argument("--camera", choices=("rendered", "modelled"), default="rendered", help="default: %(default)s")
    _json(gauge)


def _pack_command(commands: Commands) -> None:  # type: ignore[valid-type]
    pack = _add(commands, "pack", "compute what fits into a carton: units of a product, or the parts of one, with a picture")
    pack.add_argument("product", metavar="PRODUCT", help="name or YAML file of a product")
    pack.add_argument("--carton", type=_size, required=True, metavar="LxWxH", help="inside of the carton, m: 0.4x0.3x0.2")
    pack.add_argument("--variant", help="of the product; default: the product's default variant")
    pack.add_argument("--parts", action="store_true", help="the parts of one unit, as a kit, in place of finished units")
    pack.add_argument("--quantity", type=positive(int), metavar="N", help="units (default: as many as fit), or kits (1)")
    pack.add_argument("--clearance", type=positive(float), default=0.001, metavar="M", help="around each box (0.001)")
    pack.add_argument("--output", type=Path, metavar="FILE", help="draw it, as .png or .svg")
    _json(pack)


def _import_command(commands: Commands) -> None:  # type: ignore[valid-type]
    imported = _add(commands, "import", "read orders of other systems (CSV, B2MML, NEXUS, ARIAC), say what is wrong in them")
    imported.set_defaults(module="import_orders")
    imported.add_argument("file", type=Path, metavar="FILE")
    imported.add_argument("--check", action="store_true", help="only say what is wrong, row by row for a table")
    imported.add_argument("--line", metavar="LINE", help="also whether a line can make the orders")
    imported.add_argument("--output", type=Path, metavar="FILE", help="write the orders as our YAML, if nothing is wrong")
    _foreign(imported)
    _json(imported)


def _foreign(parser: argparse.ArgumentParser, product: bool = True) -> None:
    """How files of other systems are to be read."""
    parser.add_argument("--format", choices=ORDER_FORMATS, help="of the file; default: told from its content")
    if product:
        parser.add_argument("--product", help="for a table without a column of products")
    parser.add_argument("--names", type=Path, metavar="FILE", help="YAML: our 'product' or 'product/variant' for theirs")
    parser.add_argument("--decimal", choices=(",", "."), help="the table's decimal mark, where it does not tell")
    parser.add_argument("--dates", choices=("dmy", "mdy"), help="the table's order of day and month, where it does not tell")
    parser.add_argument("--zone", default="UTC", help="time zone of dates without one (default: %(default)s)")


def _size(text: str) -> tuple[float, float, float]:
    try:
        length, width, height = (float(edge) for edge in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not length x width x height in m, such as 0.4x0.3x0.2") from None
    if not all(0 < edge < float("inf") for edge in (length, width, height)):
        raise argparse.ArgumentTypeError(f"'{text}' has an edge that is not greater than 0")
    return length, width, height


def _calibrate_command(commands: Commands) -> None:  # type: ignore[valid-type]
    text = "find a camera's optics, its place at an arm, or its scale on a plane; residuals, with a picture"
    calibrate = _add(commands, "calibrate", text)
    calibrate.add_argument("what", choices=("intrinsics", "hand-eye", "plane"))
    calibrate.add_argument("--images", type=Path, metavar="DIR", help="images of the board")
    calibrate.add_argument("--board", metavar="BOARD", help="chessboard:9x6:0.025 or charuco:7x5:0.03:0.022:5x5_100 (m)")
    calibrate.add_argument("--poses", type=Path, metavar="FILE", help="hand-eye: the hand in the base, CSV, one a line")
    calibrate.add_argument("--camera-poses", type=Path, metavar="FILE", help="hand-eye: of a tracker, CSV")
    calibrate.add_argument(
        "--mounting", choices=("in_hand", "to_hand"), default="in_hand", help="camera on the hand, or beside the arm"
    )
    calibrate.add_argument("--intrinsics", type=Path, metavar="FILE", help="calibration that holds the camera's optics")
    calibrate.add_argument("--serial", default="", help="of the camera; default: that of --intrinsics")
    calibrate.add_argument("--output", type=Path, required=True, metavar="FILE", help="written (.yaml); a picture beside it")
    calibrate.add_argument("--days", type=positive(int), default=365, metavar="N", help="it holds so long (%(default)s)")
    calibrate.add_argument("--date", type=day, metavar="DATE", help="on which it was made (default: today)")
    _json(calibrate)


def _add(commands: Commands, name: str, text: str) -> argparse.ArgumentParser:  # type: ignore[valid-type]
    return commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")  # type: ignore[attr-defined]


def _line(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("line", metavar="LINE", help="name of a shipped line, or the path of a line's YAML file")


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for machines: JSON on standard output")


def _cell(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cell", default="", help="namespace of the cell; default: the only one that answers")


def _what(parser: argparse.ArgumentParser, product: bool = False) -> None:
    if product:
        parser.add_argument("--product", help="default: that of the running line")
    else:
        text = "an order as YAML, or a file of other systems (see import); may be repeated"
        parser.add_argument("--order", type=Path, action="append", default=[], metavar="FILE", help=text)
    parser.add_argument("--quantity", type=positive(int), metavar="N", help="so many units")
    parser.add_argument("--variant", help="of the product; default: the product's default variant")


if __name__ == "__main__":
    sys.exit(main())
