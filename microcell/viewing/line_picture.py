"""Draw a line: its process plan beside its cell from above, as one picture (PNG or SVG)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from microcell.description.line import Line
from microcell.errors import UsageError
from microcell.packing.picture import check_ending
from microcell.viewing.cell_map import CellMap, cell_map
from microcell.viewing.plan_rows import PlanChain, PlanNode, plan_chains

FAMILY_COLOURS = {"assembly": "#d7e5f4", "inspection": "#fbe6b8", "packaging": "#d9ecd4", "tooling": "#e6e0f0"}
KIND_COLOURS = {
    "feeder": "#b9c7d8", "fixture": "#8ea4bc", "tool": "#c9b3d6", "carton_station": "#e0c79c", "bin": "#e3a79f",
    "printer": "#efe9d6", "press": "#e9d27a", "turner": "#a5b8d6", "tester": "#a3cfb4",
}  # fmt: skip
NODE_WIDTH, NODE_GAP, ROW_GAP = 2.55, 0.22, 0.24
LINE_HEIGHT, HEAD_HEIGHT, ARROW_IN = 0.125, 0.22, 0.4
INCH_PER_M, EDGE_M = 3.3, 0.06
TEXT_PT, SMALL_PT = 6.4, 5.4
TOOL_NAME_M = 0.045
MOST_LETTERS = 52


def draw_line(line: Line, path: Path) -> Path:
    """Write the picture; the same line gives the same file. `UsageError` for another ending or an unwritable file."""
    check_ending(path)
    import matplotlib
    from matplotlib.figure import Figure

    chains, seen = plan_chains(line), cell_map(line)
    places, width, height = _placed(chains)
    told, (x, y) = _told(seen), _extent(seen)
    cell_width, cell_height = INCH_PER_M * (x[1] - x[0]), INCH_PER_M * (y[1] - y[0])
    size = (width + cell_width + 0.7, max(height + 0.5, cell_height + 0.15 * len(told) + 1.4))
    title = f"{line.name}: {line.summary}" if line.summary else line.name
    style = {"svg.hashsalt": "microcell", "svg.fonttype": "none", "font.size": TEXT_PT}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=size)
        figure.text(0.2 / size[0], 1.0 - 0.25 / size[1], title, fontsize=9, weight="bold")
        plan = figure.add_axes((0.0, 0.0, width / size[0], 1.0 - 0.4 / size[1]))
        _draw_plan(plan, chains, places, size[1] - 0.4)
        top, high = 1.0 - 0.75 / size[1], cell_height / size[1]
        cell = figure.add_axes(((width + 0.4) / size[0], top - high, cell_width / size[0], high))
        _draw_cell(cell, seen, line.cell)
        for number, text in enumerate(told):
            at = (width + 0.4) / size[0], top - high - (0.4 + 0.15 * number) / size[1]
            figure.text(*at, text, fontsize=SMALL_PT + 0.6)
        _save(figure, path)
    return path


def _save(figure: Any, path: Path) -> None:
    undated = {"Date": None} if path.suffix.lower() == ".svg" else {}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=130, metadata=undated)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}): name another file.") from error


# --- the plan --------------------------------------------------------------------------------------------------------------


def _height(node: PlanNode) -> float:
    return HEAD_HEIGHT + LINE_HEIGHT * len(_wrapped(node)) + 0.06


def _wrapped(node: PlanNode) -> list[str]:
    from textwrap import wrap

    return [part for text in node.lines for part in wrap(text, MOST_LETTERS, subsequent_indent="    ") or [""]]


def _placed(chains: Sequence[PlanChain]) -> tuple[list[list[tuple[float, float, float]]], float, float]:
    """For each chain its nodes' left edge, upper edge (from the top, inches) and height; and the size of all."""
    places, top, width = [], 0.1, 0.0
    for _, row in groupby(chains, key=lambda chain: chain.row):
        members, left, deepest = list(row), 0.2, 0.0
        for chain in members:
            boxes = []
            for node in chain.nodes:
                boxes.append((left, top, _height(node)))
                left += NODE_WIDTH + NODE_GAP
                deepest = max(deepest, _height(node))
            places.append(boxes)
            left += NODE_GAP
        width, top = max(width, left), top + deepest + ROW_GAP
    return places, width, top


def _draw_plan(axes: Any, chains: Sequence[PlanChain], places: Sequence[Any], height: float) -> None:
    axes.set_xlim(0, axes.get_position().width * axes.figure.get_size_inches()[0])
    axes.set_ylim(height, 0)
    axes.axis("off")
    for number, chain in enumerate(chains):
        for before in chain.after:
            _draw_arrow(axes, places[before], places[number])
        for (left, top, _), (right, _, _) in zip(places[number], places[number][1:], strict=False):
            axes.annotate("", (right, top + 0.12), (left + NODE_WIDTH, top + 0.12), arrowprops=_ARROW)
        for node, box in zip(chain.nodes, places[number], strict=True):
            _draw_node(axes, node, box)


_ARROW = {"arrowstyle": "-|>", "color": "#555555", "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}


def _draw_arrow(axes: Any, before: Any, after: Any) -> None:
    """From under the head of a chain to the head of one that waits for it."""
    left, top, high = before[0]
    axes.annotate("", (after[0][0] + ARROW_IN, after[0][1]), (left + ARROW_IN, top + high), arrowprops=_ARROW)


def _draw_node(axes: Any, node: PlanNode, box: tuple[float, float, float]) -> None:
    from matplotlib.patches import FancyBboxPatch

    left, top, high = box
    colour = FAMILY_COLOURS.get(node.family, "#eeeeee")
    look: dict[str, Any] = {"boxstyle": "round,pad=0,rounding_size=0.05", "edgecolor": "#666666", "linewidth": 0.7}
    axes.add_patch(FancyBboxPatch((left, top), NODE_WIDTH, high, facecolor=colour, **look))
    axes.text(left + 0.07, top + 0.15, node.name, fontsize=TEXT_PT + 0.6, weight="bold")
    for number, text in enumerate(_wrapped(node)):
        axes.text(left + 0.07, top + HEAD_HEIGHT + LINE_HEIGHT * (number + 0.75), text, fontsize=SMALL_PT)


# --- the cell --------------------------------------------------------------------------------------------------------------


def _draw_cell(axes: Any, seen: CellMap, name: str) -> None:
    from matplotlib.patches import Circle, Polygon, Rectangle

    for reach in seen.reaches:
        look: dict[str, Any] = {"facecolor": "#7a8794", "alpha": 0.10, "zorder": 0}
        axes.add_patch(Circle(reach.base, reach.radius_m, **look))
        axes.add_patch(Circle(reach.base, reach.radius_m, fill=False, edgecolor="#7a8794", linestyle="--", zorder=0))
    for zone, low, high in seen.zones:
        size = (high[0] - low[0], high[1] - low[1])
        axes.add_patch(Rectangle(low, *size, facecolor="none", edgecolor="#b06a2c", hatch="//", linewidth=0.5, zorder=1))
        axes.text(low[0], low[1], f"zone {zone}", fontsize=SMALL_PT, color="#8a4f1d", va="top")
    for station in seen.stations:
        for outline in station.outlines:
            colour = KIND_COLOURS.get(station.kind, "#dddddd")
            axes.add_patch(Polygon(outline, facecolor=colour, edgecolor="#555555", linewidth=0.5, zorder=2))
    for view in seen.views:
        axes.add_patch(Polygon(view.ground, facecolor="none", edgecolor="#2c6e49", linestyle=":", linewidth=0.9, zorder=3))
        axes.plot(*view.at, marker="x", color="#2c6e49", markersize=4, zorder=4)
    for reach in seen.reaches:
        axes.add_patch(Circle(reach.base, 0.06, facecolor="#4a5560", zorder=3))
    _name_all(axes, seen)
    (x0, x1), (y0, y1) = _extent(seen)
    axes.set(xlim=(x0, x1), ylim=(y0, y1))
    axes.set_aspect("equal", anchor="N")
    axes.set_title(f"cell {name} from above, m", fontsize=TEXT_PT + 1)
    axes.tick_params(labelsize=SMALL_PT, length=2)


def _name_all(axes: Any, seen: CellMap) -> None:
    frame = {"facecolor": "white", "alpha": 0.65, "pad": 0.6, "linewidth": 0}
    middle = {"fontsize": SMALL_PT, "ha": "center", "va": "center", "zorder": 5}
    for station in seen.stations:
        if station.kind != "tool":
            axes.text(*station.at, station.name, bbox=frame, **middle)
    tools = sorted((station for station in seen.stations if station.kind == "tool"), key=lambda tool: tool.at)
    for number, tool in enumerate(tools):  # neighbours stand close: one name above, the next below
        axes.text(tool.at[0], tool.at[1] + TOOL_NAME_M * (-1 if number % 2 else 1), tool.name, bbox=frame, **middle)
    for view in seen.views:
        x, y = max(view.ground, key=lambda corner: (round(corner[1], 3), -corner[0]))
        axes.text(x, y, view.camera, fontsize=SMALL_PT, color="#2c6e49", va="bottom", zorder=5)
    for reach in seen.reaches:
        axes.text(reach.base[0], reach.base[1] - 0.09, reach.arm, bbox=frame, **middle)


def _extent(seen: CellMap) -> tuple[tuple[float, float], tuple[float, float]]:
    """Least and greatest x and y of all that is drawn, with an edge, m."""
    points = [point for station in seen.stations for outline in station.outlines for point in outline]
    points += [corner for view in seen.views for corner in view.ground]
    for reach in seen.reaches:
        points += [(reach.base[0] + s * reach.radius_m, reach.base[1] + s * reach.radius_m) for s in (-1, 1)]
    x, y = zip(*points, strict=True)
    return (min(x) - EDGE_M, max(x) + EDGE_M), (min(y) - EDGE_M, max(y) + EDGE_M)


def _told(seen: CellMap) -> list[str]:
    """What stands under the cell: what each station has, how far arms reach, what cameras see."""
    lines = [f"{reach.arm}: reaches {reach.radius_m:.2f} m from its base, pointing down" for reach in seen.reaches]
    lines += [f"{station.name}: {station.told}" for station in seen.stations if station.told]
    return lines + [f"{view.camera}: sees {', '.join(view.sees)}" for view in seen.views]
