"""Rules of a line: whether this cell, as it is set up, can make this product."""

from __future__ import annotations

from collections.abc import Iterator

from microcell.description.cell import ArmSpec, CameraSpec, FeederSpec, ToolCribSpec
from microcell.description.line import RecoveryStep
from microcell.description.product import Grasp, Part, Screw
from microcell.description.rules_cell import pocket_tools
from microcell.description.rules_context import AnyTool, Context, rule
from microcell.description.rules_plan import ancestors, operations
from microcell.description.rules_product import item_part, used_parts
from microcell.description.source import Where
from microcell.description.tool import LEAST_MARGIN_M, GripperTool
from microcell.description.wording import choice, listed
from microcell.errors import Issue
from microcell.faults import CATALOGUE


@rule("line", "cell")
def rule_feeder_levels_fit(context: Context) -> Iterator[Issue]:
    """A feeder holds its level at the start; it is reordered below its capacity."""
    feeders: dict[str, FeederSpec] = context.cell.of_kind("feeder")
    for name, setup in context.line.feeders.items():
        feeder = feeders.get(name)
        if feeder is None:
            continue
        for key, value, limit in (
            ("level", setup.level or 0, feeder.capacity),
            ("reorder_level", setup.reorder_level, feeder.capacity - 1),
        ):
            if value > limit:
                remedy = f"'{name}' holds {feeder.capacity}; at most {limit} is possible. Correct it."
                yield context.issue("line", ("feeders", name, key), f"too many ({value})", remedy)


@rule("line", "cell", "product")
def rule_screws_come_from_screw_feeders(context: Context) -> Iterator[Issue]:
    """Screws, and only screws, are filled into feeders of the style screw."""
    feeders: dict[str, FeederSpec] = context.cell.of_kind("feeder")
    for name, setup in context.line.feeders.items():
        feeder, part = feeders.get(name), context.product.parts.get(setup.part)
        if feeder and part and isinstance(part.shape, Screw) != (feeder.style == "screw"):
            what = f"a {feeder.style} feeder does not present a {part.shape.kind} ('{setup.part}')"
            remedy = "screws, and only screws, come from screw feeders. Use another feeder."
            yield context.issue("line", ("feeders", name, "part"), what, remedy)


@rule("line", "cell.devices")
def rule_line_uses_what_there_is(context: Context) -> Iterator[Issue]:
    """What a line has for itself are stations of the cell, at least one of each kind that it names."""
    for kind, names in context.line.uses.items():
        yield from context.refer_each("line", ("uses", kind, "*"), context.devices(kind), kind.replace("_", " "))
        if not names:
            remedy = f"without '{kind}' here the line uses all of them. Name at least one, or remove it."
            yield context.issue("line", ("uses", kind), "no station is named", remedy)


@rule("line")
def rule_recovery_names_faults(context: Context) -> Iterator[Issue]:
    """A recovery policy is for a fault of the catalogue and has at least one step."""
    for code, steps in context.line.recovery.items():
        where = ("recovery", code)
        if code not in CATALOGUE:
            what, remedy = f"there is no fault '{code}'", choice(code, CATALOGUE, "code")
            yield context.issue("line", where, what, remedy, key=True)
        if not steps:
            remedy = "a policy has at least one, such as '- {action: hold}'. Add one."
            yield context.issue("line", where, "there are no steps", remedy)


_KEYS_OF = {"kind": ("other", "ask"), "redo": ("rework", "ask")}
_KEYS_OF_ASK = ("text", "choices", "default", "after_s")


@rule("line")
def rule_recovery_steps_are_whole(context: Context) -> Iterator[Issue]:
    """A step of a recovery policy has the keys that belong to its action; a question has choices, and its default is one."""
    for code, steps in context.line.recovery.items():
        for number, step in enumerate(steps):
            where: Where = ("recovery", code, number)
            for key in sorted(step.model_fields_set & {*_KEYS_OF, *_KEYS_OF_ASK}):
                actions = _KEYS_OF.get(key, ("ask",))
                if step.action not in actions:
                    what, remedy = f"'{step.action}' has no '{key}'", f"it belongs to {' and '.join(actions)}. Remove it."
                    yield context.issue("line", (*where, key), what, remedy, key=True)
            doing = step.choices if step.action == "ask" else (step.action,)
            if "rework" in doing and not step.redo:
                remedy = "it does at least one again. Name it in 'redo'."
                yield context.issue("line", where, "a rework without operations", remedy)
            if step.action == "ask":
                yield from _question_issues(context, where, step)


def _question_issues(context: Context, where: Where, step: RecoveryStep) -> Iterator[Issue]:
    if not step.choices:
        remedy = "it has at least one, such as [retry, scrap]. Add 'choices'."
        yield context.issue("line", where, "a question without choices", remedy)
    elif step.default is not None and step.default not in step.choices:
        what = f"'{step.default}' is none of the choices"
        yield context.issue("line", (*where, "default"), what, choice(step.default, step.choices, "choice"))
    if (step.default is None) != (step.after_s is None):
        remedy = "'default' and 'after_s' go together: what is done when nobody has answered for so long. Give both or none."
        yield context.issue("line", where, "half of a default", remedy)


@rule("line", "product.plan")
def rule_recovery_redoes_operations(context: Context) -> Iterator[Issue]:
    """What a recovery policy does again is in the plan."""
    plan = context.names("product", "plan")
    yield from context.refer_each("line", ("recovery", "*", "*", "redo", "*"), plan, "operation of the plan")


@rule("line", "cell.devices", "tools", "product")
def rule_tools_can_take_the_parts(context: Context) -> Iterator[Issue]:
    """A tool of the crib takes each part in use, and the finished unit: able, wide and strong enough."""
    tools = ready_tools(context)
    for where, grasp in grasps(context):
        able = [tool for tool in tools.values() if grasp.capability in tool.capabilities]
        if not able:
            there = listed(dict.fromkeys(ability for tool in tools.values() for ability in tool.capabilities))
            what = f"no tool of cell '{context.line.cell}' offers '{grasp.capability}'"
            remedy = f"its tools offer: {there}. Put a tool for it into a pocket."
            yield context.issue("product", (*where, "capability"), what, remedy)
        grippers = [tool for tool in able if isinstance(tool, GripperTool)]
        if grippers:
            yield from _grip_issues(context, where, grasp, grippers)


def _grip_issues(context: Context, where: Where, grasp: Grasp, grippers: list[GripperTool]) -> Iterator[Issue]:
    """What of a grasp is too much for every gripper: one of the two, or only both together."""
    alone = False
    widest_m = max(tool.stroke_m for tool in grippers) - LEAST_MARGIN_M
    strongest_n = max(tool.force_max_n for tool in grippers)
    room = f"stroke_m less {LEAST_MARGIN_M * 1e3:g} mm, to go around it"
    for key, limit, most in (("width_m", widest_m, room), ("force_n", strongest_n, "force_max_n")):
        if getattr(grasp, key) > limit + 1e-9:
            alone = True
            what = f"too much for every gripper ({getattr(grasp, key):g})"
            remedy = f"the most is {limit:g} ({most}). Correct it, or use another gripper."
            yield context.issue("product", (*where, key), what, remedy)
    if not alone and not any(tool.can_grip(grasp.width_m, grasp.force_n) for tool in grippers):
        what = f"no gripper is wide and strong enough at once ({grasp.width_m:g} m, {grasp.force_n:g} N)"
        there = ", ".join(f"{tool.name} up to {tool.stroke_m:g} m with {tool.force_max_n:g} N" for tool in grippers)
        yield context.issue("product", where, what, f"they grip: {there}. Correct it, or use another gripper.", key=True)


@rule(
    "line.feeders",
    "cell.devices",
    "tools",
    "product.parts",
    "product.bill_of_materials",
    "product.variants",
    "product.sites",
    "product.unit_grasp",
)
def rule_arm_carries_tool_and_part(context: Context) -> Iterator[Issue]:
    """An arm's payload is enough for each tool that it fetches with the heaviest that it takes, finished units included."""
    arms: dict[str, ArmSpec] = context.cell.of_kind("arm")
    for arm_name, arm in arms.items():
        for name, tool in _fetched_tools(context, arm).items():
            what, load_kg = max(_loads(context, arm, tool), key=lambda load: load[1], default=("nothing", 0.0))
            total_kg = tool.mass_kg + load_kg
            if total_kg > arm.payload_kg:
                text = f"too little for tool '{name}' with {what} ({arm.payload_kg:g})"
                remedy = f"together they weigh {total_kg:.4g}. Use a stronger arm or a lighter tool."
                yield context.issue("cell", ("devices", arm_name, "payload_kg"), text, remedy)


@rule("line", "cell.devices", "product.plan")
def rule_inspected_stations_are_seen(context: Context) -> Iterator[Issue]:
    """Wherever a unit can stand when it is inspected, a camera sees the station."""
    cameras: dict[str, CameraSpec] = context.cell.of_kind("camera")
    seen = {station for camera in cameras.values() for station in camera.sees}
    blind: dict[str, str] = {}
    for section, name, operation in operations(context):
        if section == "plan" and "inspection" in operation.parameters:
            for kind in occupied_kinds(context, name):
                blind.update({station: name for station in context.cell.of_kind(kind) if station not in seen})
    for station, name in blind.items():
        what = f"no camera sees '{station}', where '{name}' inspects"
        remedy = f"cameras see: {listed(sorted(seen))}. Add it to the 'sees' of a camera above it."
        yield context.issue("cell", ("devices", station), what, remedy, key=True)


@rule("line", "cell.devices", "product.plan")
def rule_cell_has_the_stations(context: Context) -> Iterator[Issue]:
    """The cell has a station of each kind that a unit occupies."""
    for name, operation in context.product.plan.items():
        if operation.occupies is not None and not context.cell.of_kind(operation.occupies):
            kinds = dict.fromkeys(spec.kind for spec in context.cell.devices.values())
            what = f"cell '{context.line.cell}' has no {operation.occupies}"
            remedy = f"it has: {listed(kinds)}. Use another cell, or add one."
            yield context.issue("product", ("plan", name, "occupies"), what, remedy)


def ready_tools(context: Context) -> dict[str, AnyTool]:
    """The tools in the cell's cribs that are sound, by name."""
    return {name: context.tools[name] for name in pocket_tools(context) if name in context.tools}


def grasps(context: Context) -> Iterator[tuple[Where, Grasp]]:
    """How each part in use, and the finished unit, is taken."""
    for name, part in used_parts(context).items():
        yield ("parts", name, "grasp"), part.grasp
    if context.product.unit_grasp is not None:
        yield ("unit_grasp",), context.product.unit_grasp


def _fetched_tools(context: Context, arm: ArmSpec) -> dict[str, AnyTool]:
    """The tools that fit an arm's coupling, in the cribs that it works at."""
    changer = context.cell.of_kind("tool_changer").get(arm.tool_changer)
    cribs: dict[str, ToolCribSpec] = context.cell.of_kind("tool_crib")
    there = (pocket.tool for name, crib in cribs.items() if arm.works_at(name) for pocket in crib.pockets)
    tools = {name: context.tools[name] for name in there if name in context.tools}
    return {name: tool for name, tool in tools.items() if changer is None or tool.coupling == changer.coupling}


def _loads(context: Context, arm: ArmSpec, tool: AnyTool) -> Iterator[tuple[str, float]]:
    """What an arm may carry with a tool, with its mass in kg."""
    for name, part in used_parts(context).items():
        if part.grasp.capability in tool.capabilities and _comes_to(context, arm, name):
            yield f"part '{name}'", part.mass_kg
    if context.product.unit_grasp.capability in tool.capabilities and _takes_units(context, arm):
        for variant in context.product.variants:
            yield f"a unit of variant '{variant}'", sum(part.mass_kg for part in _unit(context, variant))


def _comes_to(context: Context, arm: ArmSpec, part: str) -> bool:
    """Whether an arm may have a part in the hand: it works at a feeder of it, or the part is from no feeder."""
    feeders = [name for name, setup in context.line.feeders.items() if setup.part == part]
    return not feeders or any(map(arm.works_at, feeders))


def _takes_units(context: Context, arm: ArmSpec) -> bool:
    """Whether an arm may take finished or scrapped units from where they are made to where they go."""
    return all(
        any(arm.works_at(name) for kind in kinds for name in context.cell.of_kind(kind))
        for kinds in (("fixture",), ("carton_station", "bin"))
    )


def _unit(context: Context, variant: str) -> Iterator[Part]:
    """The parts of a finished unit: an item as often as it has sites, and once where it has none."""
    items = [site.item for site in context.product.sites.values()]
    for item in context.product.bill_of_materials:
        part = item_part(context, item, variant)
        if part is not None:
            yield from [part] * max(1, items.count(item))


def occupied_kinds(context: Context, name: str) -> list[str]:
    """Kinds of the stations that a unit may be at during an operation."""
    plan = context.product.plan
    before = ancestors(plan, name)
    left = {plan[other].vacates for other in before}
    taken = [plan[other].occupies for other in plan if other in before or other == name]
    return [kind for kind in dict.fromkeys(taken) if kind is not None and kind not in left]
