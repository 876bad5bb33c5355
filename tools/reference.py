#!/usr/bin/env python3
"""Write docs/reference from the code: every fault code, every skill, and every key of every kind of YAML file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # run as a program, not imported by a test
    sys.path.insert(0, str(ROOT))

from microcell.description.base import NAME_PATTERN, PATTERN_WORDS  # noqa: E402
from microcell.description.injectable import CONDITIONS, INJECTABLE  # noqa: E402
from microcell.description.injectable_kinds import Injectable  # noqa: E402
from microcell.description.line import RecoveryStep  # noqa: E402
from microcell.description.schema import schemas  # noqa: E402
from microcell.faults import CATALOGUE  # noqa: E402
from microcell.orchestration.recovery import policy  # noqa: E402
from microcell.plugins import skill, skill_names  # noqa: E402
from microcell.skills.arm_skill import MOTION_FAULTS  # noqa: E402
from microcell.skills.contract import DEVICE_FAULTS  # noqa: E402

FOLDER = ROOT / "docs" / "reference"
INJECTABLE_PAGE = ROOT / "docs" / "faults.md"
COMMAND = "python tools/reference.py"
NOTE = f"<!-- Written by `{COMMAND}`. Change the code, not this page. -->"

UNITS = {
    "wrist_axial_n_m": "N/m", "wrist_lateral_n_m": "N/m",
    "_n_m_rad": "N·m/rad", "_kg_s": "kg/s", "_ohm": "Ω",
    "_n_m_h": "N·m·h", "_rad_s2": "rad/s²", "_rad_s": "rad/s", "_n_m": "N·m", "_m_s": "m/s",
    "_rad": "rad", "_kg": "kg", "_pa": "Pa", "_px": "px", "_ratio": "1", "_m": "m", "_n": "N", "_s": "s", "_v": "V",
    "_j": "J",
}  # fmt: skip
"""Unit by the ending of a key, the longest ending first."""

LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}

INTRODUCTIONS = {
    "cell": "A file in `cells/`: the devices on the bench. Frames are in the cell frame, z up, origin on the bench top.",
    "tool": "A file in `tools/`: one swappable tool of an arm. Which table applies is said by `device`.",
    "product": "A file in `products/`: parts, sites, process plan, inspections, variants, packing.",
    "line": "A file in `lines/`: one cell set up for one product. The only file that `run`, `show` and `up` are given.",
    "fault_schedule": "A file in `faults/`, for `microcell run LINE --faults FILE`: faults of the "
    "[catalogue](../faults.md), and when they happen.",
    "calibration": "A file in `calibrations/`, written by `microcell calibrate` and named by a camera of a cell.",
    "order": "A file for `microcell order FILE` and `microcell run --order FILE`.",
}

ABOUT_FAULTS = """\
The closed catalogue of faults. A code is the same in the journal, on the topics and in an order's result.

*Recoverable*: the cell may go on by itself once the cause is gone. *Default policy*: what the orchestrator does when an
operation ends in the fault. Its steps go from left to right, `×` says how often; they are counted for each operation of a
unit, and after the last one the cell holds; a step that is not possible, as another feeder where there is none, is passed
over. `recovery` in the [line](line.md) replaces the policy of a code. What each step
does stands in the [integrator's page](../integrator.md#recovery-policy)."""

ABOUT_INJECTABLE = """\
What can be made to go wrong on purpose: on mock hardware and in the virtual world, for tests, for training, and to see what
a line does on a bad day. What happens comes out of the simulated physics where it has any: a part that slips really falls, a
dark camera takes a dark image, a crossed thread shows in the torque curve. Elsewhere a device's answer is changed, or does
not come.

```console
$ microcell faults
$ microcell faults --line valve --world mock
$ microcell run valve --quantity 6 --faults config/faults/valve_bad_morning.yaml
$ microcell run valve --quantity 6 --faults 7
$ python bench/faults.py --seeds 3 --check
```

A schedule is a YAML file ([keys](reference/fault_schedule.md)), checked by `microcell check` as every other. An integer
instead of a file draws eight faults from which the cell recovers by itself; the same integer draws the same ones. All that a
scheduled fault says must hold together: `after_s` has passed, the `operation` is at work (for the `unit`), the `condition`
holds. Commands at which it could happen then are counted: from the `nth` on it happens, `times` times. A fault that finds
nothing to happen to (no part is held that could slip) waits for the next command.

```yaml
kind: fault_schedule
name: two_slips
line: valve
faults:
  - {fault: gripper.slip, where: parallel_gripper, operation: pick_cap, times: 2, size: 0.6 s}
```

In a running cell with mock hardware: service `hardware/schedule_fault` (srv/ScheduleFault), whose message has the same
words, and `hardware/list_faults` (srv/ListFaults). A pressed button is turned out by its own service,
`<safety>/emergency_stop/<button>/press` with false.

*Told as*: the [code](reference/faults.md) that the cell must tell, in the journal, on its topics and with the order.
*Alone*: the order ends well without a person. `bench/faults.py` shows both for the virtual world, `bench/fault_sweep.py` the
latter for every place of every line. Where a line has a place at which a person is needed all the same, `microcell faults
--line LINE` names it, and a seed does not draw it: on the line `footwear` an upper that was turned by a quarter stands out
of its unit where the fingers come down to throw it away, and the arm makes a protective stop. A cover of `controller` that
lies so is told by the fingers, not by an inspection: they close on nothing, and then take it across, to be thrown away."""

ABOUT_SKILLS = """\
What the [operations](product.md#operation) of a plan can do: the name after `skill`. `item` (of the bill of materials) and
`site` stand beside it, the other keys in the operation's `parameters`; a variant's replace them. `microcell check` says what
is missing and what is too much. A dash as default: the key must be there.

Besides the faults that are named here, a skill ends in those of its arm, tool and devices ([all](faults.md)). Changing tools
and parking are no operations: the cell does them by itself. Skills of your own: [drivers](../integrator.md#drivers)."""

PLANNED = ("assembly", "inspection", "packaging")
"""Families of skills that plans have; those of tooling are the cell's own."""

Schema = Mapping[str, Any]


def pages() -> dict[str, str]:
    """Text of every page by file name."""
    documents = {f"{kind}.md": document_page(kind, schema) for kind, schema in schemas().items()}
    return {"faults.md": fault_page(), "skills.md": skill_page(), **documents}


def stale(folder: Path = FOLDER) -> list[str]:
    """Names of the pages that are missing or not what the code says now."""
    late = [name for name, text in pages().items() if not _is(folder / name, text)]
    return late if folder != FOLDER or _is(INJECTABLE_PAGE, injectable_page()) else [*late, f"../{INJECTABLE_PAGE.name}"]


def write(folder: Path = FOLDER) -> None:
    """Write all pages."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
    if folder == FOLDER:
        INJECTABLE_PAGE.write_text(injectable_page(), encoding="utf-8")


# --- faults ----------------------------------------------------------------------------------------------------------------


def fault_page() -> str:
    """Every code of the catalogue with its default recovery policy."""
    rows = (
        (
            f"`{code}`",
            kind.cause,
            kind.remedy,
            kind.actor.value,
            "yes" if kind.recoverable else "no",
            _policy(policy(code, {})),
        )
        for code, kind in CATALOGUE.items()
    )
    head = ("code", "cause", "remedy", "who acts", "recoverable", "default policy")
    return _page("Faults", ABOUT_FAULTS, _table(head, rows))


def injectable_page() -> str:
    """Every fault that can be injected, with the conditions that one can wait for."""
    rows = (
        (f"`{name}`", entry.sentence, ", ".join(entry.fits), _size(entry), _told(entry),
         "yes" if entry.recoverable else "no", ", ".join(entry.worlds))
        for name, entry in INJECTABLE.items()
    )  # fmt: skip
    head = ("id", "what happens", "to", "size", "told as", "alone", "worlds")
    conditions = _table(("condition", "holds while"), ((f"`{name}`", text) for name, text in CONDITIONS.items()))
    return _page("Faults to inject", ABOUT_INJECTABLE, "## Conditions", conditions, "## Catalogue", _table(head, rows))


def _size(entry: Injectable) -> str:
    size = entry.size
    return "" if size is None else f"{size.meaning}: {size.default:g} {size.unit}, {size.low:g} to {size.high:g}"


def _told(entry: Injectable) -> str:
    codes = ", ".join(f"`{code}`" for code in entry.codes)
    return codes or {"inspection": "rejected by inspection", "nobody": "nothing: it does no harm"}[entry.told]


def _policy(steps: Iterable[RecoveryStep]) -> str:
    return ", ".join(_step(step) for step in steps)


def _step(step: RecoveryStep) -> str:
    if step.action == "hold":
        return "hold"
    if step.action == "ask":
        return f"ask ({', '.join(step.choices)}; after {step.after_s:.0f} s {step.default})"
    return f"{step.action}{f' {step.kind}' if step.kind else ''} ×{step.times}"


# --- skills ----------------------------------------------------------------------------------------------------------------


def skill_page() -> str:
    """Every skill of ours that a plan can have, with its parameters and the faults that are its own."""
    own = (name for name, family in skill_names().items() if family in PLANNED)
    return _page("Skills", ABOUT_SKILLS, *map(_skill, own))


def _skill(name: str) -> str:
    found = skill(name)
    keys = _keys(found.Parameters.model_json_schema())
    faults = [f"`{code}`" for code in found.faults if code not in (*MOTION_FAULTS, *DEVICE_FAULTS)]
    return f"## {name}\n\n{_line(found.summary)}\n\n{keys}\n\nEnds in {', '.join(faults)}."


# --- documents -------------------------------------------------------------------------------------------------------------


def document_page(kind: str, schema: Schema) -> str:
    """Every key of one kind of YAML file: the document's own first, then each block in the order of its first use."""
    definitions: Schema = schema.get("$defs", {})
    sections = [] if "oneOf" in schema else [_keys(schema)]
    for name in _used(schema, definitions):
        block = definitions[name]
        sections.append(f"## {name}\n\n{_line(block.get('description', ''))}\n\n{_keys(block)}")
    text = (
        f"{INTRODUCTIONS[kind]} Unknown and duplicate keys are errors. A name has lower case "
        "letters, digits and underscores and begins with a letter. A dash as default: the key must be there."
    )
    return _page(kind.capitalize(), text, *sections)


def _keys(block: Schema) -> str:
    head = ("key", "type", "unit", "bounds", "default", "meaning")
    return _table(head, (_row(key, field, block) for key, field in block.get("properties", {}).items()))


def _row(key: str, field: Schema, block: Schema) -> tuple[str, ...]:
    required = key in block.get("required", ())
    meaning = field.get("description", "Says which block this is." if "const" in field else "")
    return f"`{key}`", _type(field), _unit(key, field), _bounds(field), _default(field, required), _line(meaning)


def _used(schema: Schema, definitions: Schema) -> list[str]:
    """Names of the definitions that are reachable, nearest first."""
    found = list(dict.fromkeys(_references({k: v for k, v in schema.items() if k != "$defs"})))
    for name in found:  # grows while it is gone through
        found += [other for other in dict.fromkeys(_references(definitions[name])) if other not in found]
    return found


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        if "$ref" in schema:
            yield _name(schema)
        for key, value in schema.items():
            if key not in ("discriminator", "default"):
                yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _name(reference: Schema) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _options(field: Schema) -> list[Schema]:
    """The members of a union, without the null of an optional value."""
    return [option for option in field.get("anyOf", field.get("oneOf", ())) if option.get("type") != "null"]


def _type(field: Schema) -> str:
    if "$ref" in field:
        return f"[{_name(field)}](#{_name(field).lower()})"
    if options := _options(field):
        return " or ".join(_type(option) for option in options)
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if field.get("type") == "array":
        inside = field.get("items") or field["prefixItems"][0]
        return f"list of {_type(inside)}"
    if field.get("type") == "object":
        return _mapping(field)
    if field.get("format") == "date-time":
        return "date and time with zone"
    words = {"string": "text", "boolean": "true or false", "integer": "integer", "number": "number"}
    return words.get(str(field.get("type")), "anything")


def _mapping(field: Schema) -> str:
    """A mapping whose keys the user chooses; JSON Schema says it by a pattern for the keys, or by other properties."""
    inside = next(iter(field.get("patternProperties", {}).values()), field.get("additionalProperties"))
    keys = field.get("propertyNames", {}).get("enum")
    names = f" ({', '.join(f'`{key}`' for key in keys)})" if keys else ""
    if not isinstance(inside, Mapping) or not inside:
        return f"mapping{names}"
    return f"mapping{names} to {_type(inside)}"


def _unit(key: str, field: Schema) -> str:
    if not _is_number(field):
        return ""
    return next((unit for ending, unit in UNITS.items() if key.endswith(ending)), "")


def _is_number(field: Schema) -> bool:
    inside = [*_options(field), *field.get("prefixItems", ())]
    if isinstance(field.get("items"), Mapping):
        inside.append(field["items"])
    return field.get("type") in ("number", "integer") or any(_is_number(option) for option in inside)


def _bounds(field: Schema) -> str:
    if options := _options(field):
        return " or ".join(filter(None, (_bounds(option) for option in options)))
    if field.get("type") == "array":
        each = _bounds(field.get("items") or field["prefixItems"][0])
        return ", ".join(filter(None, (_length(field, "minItems", "maxItems", "entries"), each and f"each {each}")))
    if field.get("type") == "object":
        return "not empty" if field.get("minProperties") else ""
    if "pattern" in field:
        return "a name" if field["pattern"] == NAME_PATTERN else PATTERN_WORDS[field["pattern"]]
    if field.get("type") == "string":
        return _length(field, "minLength", "maxLength", "characters")
    return ", ".join(f"{sign} {_number(field[key])}" for key, sign in LIMITS.items() if key in field)


def _length(field: Schema, least: str, most: str, what: str) -> str:
    low, high = field.get(least), field.get(most)
    if low is not None and low == high:
        return f"{low} {what}"
    found = f"≥ {low}" if low is not None else ""
    found += f"{', ' if found else ''}≤ {high}" if high is not None else ""
    return f"{found} {what}" if found else ""


def _default(field: Schema, required: bool) -> str:
    if required:
        return "–"
    value = field.get("default", {} if field.get("type") == "object" else None)
    if value is None or value == "":
        return "none"
    if value in ([], {}):
        return "empty"
    if isinstance(value, dict):
        return "the block's defaults"
    if isinstance(value, list) and isinstance(value[0], dict):
        return "one by its defaults" if len(value) == 1 else f"{len(value)} of them"
    if isinstance(value, list):
        return f"[{', '.join(entry if isinstance(entry, str) else _number(entry) for entry in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    return _number(value) if isinstance(value, (int, float)) else f"`{value}`"


# --- text ------------------------------------------------------------------------------------------------------------------


def _number(value: float) -> str:
    return f"{value:.10g}"


def _line(text: str) -> str:
    """One line of Markdown: a docstring's paragraphs joined, and no `<` that would begin a tag."""
    return " ".join(text.split()).replace("<", "&lt;")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = tuple(head)
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _page(title: str, *parts: str) -> str:
    return "\n\n".join((f"# {title}", NOTE, *parts)) + "\n"


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def main() -> int:
    """Write the pages, or with --check only tell which are not current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when a page is not current")
    if not parser.parse_args().check:
        write()
        return 0
    late = stale()
    if late:
        print(f"not current: {', '.join(late)}. Run: {COMMAND}")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
