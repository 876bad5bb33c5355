"""Commands to a running cell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from microcell.command_line.arguments import (
    MOST_WIDTH_PX,
    WORLDS,
    add_command,
    positive,
    takes_also,
    takes_cell,
    takes_foreign,
    takes_line,
    takes_what,
)
from microcell.gazebo.scheme import SCENE_CAMERA

if TYPE_CHECKING:
    from microcell.command_line.arguments import Commands


def add_cell_commands(commands: Commands) -> None:
    """up, order, command, mode, change-line, tools, questions, answer, device, expect, refill, watch, film."""
    _up_command(commands)
    _order_command(commands)
    _command_command(commands)
    _mode_command(commands)
    _change_line_command(commands)
    _tools_command(commands)
    _questions_command(commands)
    _answer_command(commands)
    _device_command(commands)
    _expect_command(commands)
    _refill_command(commands)
    _watch_command(commands)
    _film_command(commands)


def _up_command(commands: Commands) -> None:
    up = add_command(commands, "up", "start the ROS 2 cell of a line and keep it running until Ctrl-C")
    takes_line(up)
    up.add_argument("--world", choices=WORLDS[1:], default="mock")
    up.add_argument("--journal", type=Path, metavar="FILE", help="default: out/<line>.journal")
    up.add_argument("--seed", type=int, default=0, help="of the mock hardware's scatter")
    up.add_argument("--window", action="store_true", help="world gazebo: with Gazebo's window")
    up.add_argument("--time-scale", type=positive(float), help="speed of mock hardware against real time")
    takes_also(up)
    up.add_argument("--namespace", default="", help="default: the cell's name")


def _order_command(commands: Commands) -> None:
    order = add_command(commands, "order", "hand orders to a running cell; list, update and control them")
    order.add_argument("file", nargs="?", type=Path, metavar="FILE", help="order as YAML")
    takes_what(order, product=True)
    order.add_argument("--priority", type=int, help="-100 to 100, higher goes first")
    order.add_argument("--no-wait", action="store_true", help="return as soon as the order is accepted")
    what = order.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="list the orders of the cell")
    what.add_argument("--from", dest="from_file", type=Path, metavar="FILE", help="orders of other systems (see import)")
    what.add_argument("--update", type=Path, metavar="FILE", help="the order as it is to be; the difference is applied")
    for control in ("start", "revoke-start", "pause", "resume", "stop", "cancel"):
        what.add_argument(f"--{control}", metavar="ORDER_ID")
    for choice in ("partial", "substitute"):
        what.add_argument(f"--{choice}", metavar="ORDER_ID", help="what to do about parts that are short")
    takes_foreign(order, product=False)
    takes_cell(order)


def _command_command(commands: Commands) -> None:
    command = add_command(
        commands, "command", "give a running cell or a station a PackML command: reset, start, stop, hold, unhold, ..."
    )
    command.add_argument("name", metavar="NAME")
    command.add_argument("--unit", default="", help="station, such as fixture_1; default: the cell")
    command.add_argument("--reason", default="", help="kept in the journal")
    takes_cell(command)


def _mode_command(commands: Commands) -> None:
    mode = add_command(commands, "mode", "list the cell and its stations as PackML units, or change a mode")
    mode.add_argument("mode", nargs="?", choices=("production", "maintenance", "manual"))
    mode.add_argument("--unit", default="", help="station, such as fixture_1; default: the cell")
    mode.add_argument("--reason", default="", help="kept in the journal")
    takes_cell(mode)


def _change_line_command(commands: Commands) -> None:
    change = add_command(commands, "change-line", "let a running cell make another product; without a line: what it makes")
    change.set_defaults(module="change_line")
    change.add_argument("line", nargs="*", metavar="LINE", help="that the cell is to make; it was started with --also LINE")
    change.add_argument("--park", action="store_true", help="units in work rest where they stand; else they are finished")
    change.add_argument("--check", action="store_true", help="only tell what would be done, and what the cell lacks")
    change.add_argument("--cancel", action="store_true", help="stay with the line of now, as long as nothing is changed")
    change.add_argument("--by", default="", help="who asks; default: who is logged in")
    takes_cell(change)


def _tools_command(commands: Commands) -> None:
    tools = add_command(commands, "tools", "list a running cell's tools; change, dock, renew, put out of service and back")
    asked = tools.add_mutually_exclusive_group()
    asked.add_argument("--change", metavar="TOOL", help="mount this tool now, while nobody else has the arm")
    asked.add_argument("--dock", action="store_true", help="put the mounted tool into its pocket now")
    asked.add_argument("--out-of-service", metavar="TOOL", help="do not choose this tool any more")
    asked.add_argument("--in-service", metavar="TOOL", help="it may be chosen again")
    asked.add_argument("--renew", metavar="TOOL", help="it was overhauled or calibrated: its life begins anew")
    tools.add_argument("--arm", default="", help="which arm, where several could be meant")
    tools.add_argument("--reason", default="", help="kept in the journal")
    takes_cell(tools)


def _questions_command(commands: Commands) -> None:
    questions = add_command(commands, "questions", "what a running cell asks its operator, and what each answer leads to")
    questions.add_argument("--all", action="store_true", help="settled questions too")
    takes_cell(questions)


def _answer_command(commands: Commands) -> None:
    answer = add_command(commands, "answer", "answer a question of a running cell")
    answer.add_argument("id", metavar="ID", help="as `microcell questions` lists it")
    answer.add_argument("choice", metavar="CHOICE", help="one of the question's choices")
    answer.add_argument("--by", default="", help="who answers; default: who is logged in")
    takes_cell(answer)


def _device_command(commands: Commands) -> None:
    device = add_command(commands, "device", "put a device of a running cell out of service, or back into it")
    device.add_argument("device", metavar="NAME", help="of the cell's description; a tool as well")
    put = device.add_mutually_exclusive_group(required=True)
    put.add_argument("--out-of-service", action="store_true", help="nothing is planned with it any more")
    put.add_argument("--in-service", action="store_true", help="it may be planned with again")
    device.add_argument("--reason", default="", help="kept in the journal")
    takes_cell(device)


def _expect_command(commands: Commands) -> None:
    expect = add_command(commands, "expect", "tell a running cell that parts will come: new orders may count on them")
    expect.add_argument("part", metavar="PART", help="of the product's description")
    expect.add_argument("quantity", type=int, metavar="N", help="pieces; negative: so many do not come after all")
    expect.add_argument("--reference", default="", metavar="TEXT", help="delivery note or the like, kept in the journal")
    takes_cell(expect)


def _refill_command(commands: Commands) -> None:
    refill = add_command(commands, "refill", "tell a running cell that a feeder was refilled")
    refill.add_argument("feeder", metavar="FEEDER", help="of the cell's description")
    refill.add_argument(
        "quantity", type=positive(int), nargs="?", default=0, metavar="N", help="pieces put in; default: it is full"
    )
    refill.add_argument("--lot", default="", help="of the new parts; default: the next running number")
    takes_cell(refill)


def _watch_command(commands: Commands) -> None:
    watch = add_command(commands, "watch", "live view of a running cell: state, orders, stations, last faults")
    watch.add_argument("--once", action="store_true", help="print the present state and return")
    watch.add_argument("--until-order", metavar="ORDER_ID", help="return when that order has ended")
    takes_cell(watch)


def _film_command(commands: Commands) -> None:
    film = add_command(commands, "film", "pictures of a running cell from one of its cameras, as a strip or moving")
    film.add_argument("--output", type=Path, required=True, metavar="FILE", help=".png: a strip; .gif: moving")
    film.add_argument("--camera", default=SCENE_CAMERA, help="default: the one that overlooks a cell in Gazebo")
    film.add_argument("--every", type=positive(float), default=0.5, metavar="S", help="cell time between pictures")
    film.add_argument("--pictures", type=positive(int), default=12, metavar="N", help="in a strip")
    film.add_argument("--width", type=positive(int, MOST_WIDTH_PX), default=480, metavar="PX", help="of one picture")
    film.add_argument("--until-order", metavar="ORDER_ID", help="write when that order has ended; default: at Ctrl-C")
    takes_cell(film)
