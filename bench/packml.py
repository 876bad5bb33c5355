"""Whether the state machine is PackML's: every state with every command, against the standard's table and its nodeset.

    python bench/packml.py [--nodeset FILE] [--json] [--check]

A machine is put in each of the 17 states and gets each of the 10 commands: the legal ones must lead where the table says,
all others must be refused with the reason and change nothing; each acting state must end where the table says. The table was
written down by hand (test/support/packml_table.py). Where the OPC Foundation's nodeset (OPC 30050) is at hand, it is
compared as well. `--check` fails on any deviation.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "test" / "support"))

import opc_nodeset
from common import Figure, arguments, report
from packml_table import COMMANDS, MODE_NUMBERS, STATE_NUMBERS, TRANSITIONS

from microcell.clock import LoopClock, run_virtual
from microcell.errors import UsageError
from microcell.orchestration.machine import StateMachine
from microcell.orchestration.packml import ACTING, MODE_CHANGES, Command, Mode, State


def outcome(machine: StateMachine, command: Command) -> str:
    """Where a command leads; "" when it is refused with the state in the reason and nothing has changed."""
    before = machine.state
    try:
        return machine.command(command).title
    except UsageError as refusal:
        kept = machine.state is before and before.title in str(refusal) and "Legal now" in str(refusal)
        return "" if kept else "refused without reason"


async def tried() -> tuple[dict[tuple[str, str], str], int]:
    """What each pair came to, the ends of acting states as command "", and in how many states the mode changes rightly."""
    found: dict[tuple[str, str], str] = {}
    modes_right = 0
    for state in State:
        for command in Command:
            found[state.title, command.title] = outcome(_in(state), command)
        if state in ACTING:
            found[state.title, ""] = _in(state).finish().title
        modes_right += _takes_mode(_in(state)) == (state in MODE_CHANGES)
    return found, modes_right


def _in(state: State) -> StateMachine:
    machine = StateMachine("unit", LoopClock(0.0))
    machine.go(state, "benchmark")
    return machine


def _takes_mode(machine: StateMachine) -> bool:
    try:
        machine.set_mode(Mode.MAINTENANCE)
    except UsageError:
        return False
    return machine.mode is Mode.MAINTENANCE


def print_table(found: dict[tuple[str, str], str]) -> None:
    """Rows are states, columns commands; what is refused is a dot."""
    columns = [*COMMANDS, ""]
    width = max(map(len, STATE_NUMBERS)) + 1
    print(f"{'':>3} {'state':<{width}}" + "".join(f"{name or '(ends)':<{width}}" for name in columns))
    for state, number in sorted(STATE_NUMBERS.items(), key=lambda item: item[1]):
        cells = "".join(f"{found.get((state, name), '') or '.':<{width}}" for name in columns)
        print(f"{number:>3} {state:<{width}}{cells}".rstrip())
    print()


def compared(path: Path) -> list[Figure]:
    """The nodeset's own numbers and transitions against those of the machine's tables."""
    model = opc_nodeset.read(path)
    numbers = {name: number for name, number in model.numbers.items() if name not in opc_nodeset.SUPERSTATES}
    same = sum(TRANSITIONS.get(key) == end for key, end in model.transitions.items())
    right = sum(STATE_NUMBERS.get(name) == number for name, number in numbers.items())
    return [
        Figure("nodeset: states", len(numbers), least=17, most=17),
        Figure("nodeset: same number", right, least=17),
        Figure("nodeset: transitions", len(model.transitions), least=51, most=51),
        Figure("nodeset: same transition", same, least=51),
        Figure("nodeset: same modes", float(model.modes == MODE_NUMBERS), least=1),
    ]


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--nodeset", type=Path, default=opc_nodeset.NODESET, help="default: %(default)s")
    options = parser.parse_args()
    found, modes_right = run_virtual(tried())
    if not options.json:
        print_table(found)
    right = {key: end for key, end in found.items() if end and TRANSITIONS.get(key) == end}
    pairs = [key for key in found if key[1]]
    illegal = [key for key in pairs if key not in TRANSITIONS]
    figures = [
        Figure("states", len({state.title for state in State} & set(STATE_NUMBERS)), least=17, most=17),
        Figure("legal transitions taken", len(right), "of 51", least=51, most=51),
        Figure("pairs tried", len(pairs), "states x commands", least=170, most=170),
        Figure("illegal pairs", len(illegal), least=129, most=129),
        Figure("illegal pairs refused", sum(not found[key] for key in illegal), least=129),
        Figure("states right about modes", modes_right, "of 17", least=17),
    ]
    if options.nodeset.is_file():
        figures += compared(options.nodeset)
    elif not options.json:
        print(f"not compared with the nodeset: {options.nodeset} is not there")
    return report(figures, options)


if __name__ == "__main__":
    sys.exit(main())
