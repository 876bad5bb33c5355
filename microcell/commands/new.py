"""`microcell new line`: the files of a line that checks and runs, to change into one's own."""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path

from microcell.description.base import is_name
from microcell.description.schema import write_schemas
from microcell.errors import UsageError
from microcell.paths import share_directory

CELL = "bench"
TOOLS = ("parallel_gripper", "vacuum_cup", "screwdriver")


def run(args: argparse.Namespace) -> int:
    """Write product and line; the cell, its tools, and the schemas for editors where the folder does not have them."""
    if not is_name(args.name):
        raise UsageError(f"'{args.name}' is no name: small letters, digits and _, beginning with a letter.")
    folder: Path = args.folder
    files = {folder / kind / f"{args.name}.yaml": text for kind, text in (("products", PRODUCT), ("lines", LINE))}
    there = [path for path in files if path.exists()]
    if there:
        raise UsageError(f"'{there[0]}' is there already. Choose another name, or remove it.")
    shipped = share_directory() / "config"
    for name in (f"cells/{CELL}.yaml", *(f"tools/{tool}.yaml" for tool in TOOLS)):
        if not (folder / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(shipped / name, folder / name)
    if not (folder / "schema").exists():
        write_schemas(folder / "schema")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("NAME", args.name).replace("PREFIX", _prefix(args.name)), encoding="utf-8")
        print(path)
    print(f"check it: microcell check {folder}")
    print(f"try it: microcell run {folder / 'lines' / args.name}.yaml --quantity 3")
    return 0


def _prefix(name: str) -> str:
    """Prefix of the serials: the name's first letters."""
    return re.sub("[^A-Z0-9]", "", name.upper())[:3]


LINE = """\
# yaml-language-server: $schema=../schema/line.schema.json
kind: line
name: NAME
summary: A base with a lid and a label, packed by six.
cell: bench
product: NAME
ideal_cycle_s: 35.0
max_units_in_work: 2
feeders:
  nest_1: {part: base, reorder_level: 10, refill_s: 120.0}
  nest_2: {part: lid_white, reorder_level: 10, refill_s: 120.0}
  nest_3: {part: lid_blue, reorder_level: 10, refill_s: 120.0}
"""

PRODUCT = """\
# yaml-language-server: $schema=../schema/product.schema.json
# Every key is explained in docs/reference/product.md; an editor with the schema completes them.
kind: product
name: NAME
summary: A base with a lid and a label, in two colours.
serial_prefix: PREFIX

parts:
  base:
    shape: {kind: box, length_m: 0.050, width_m: 0.040, height_m: 0.012}
    mass_kg: 0.020
    colour_rgb: [92, 96, 104]
    grasp: &across
      capability: grip
      tcp_in_part: {xyz_m: [0.0, 0.0, 0.008], rpy_rad: [3.14159265, 0.0, 1.57079633]}
      width_m: 0.040
      force_n: 25.0
  lid_white: &lid
    shape: {kind: box, length_m: 0.050, width_m: 0.040, height_m: 0.005}
    mass_kg: 0.009
    colour_rgb: [236, 236, 230]
    grasp: {<<: *across, tcp_in_part: {xyz_m: [0.0, 0.0, 0.003], rpy_rad: [3.14159265, 0.0, 1.57079633]}}
  lid_blue: {<<: *lid, colour_rgb: [70, 120, 200]}
  label:
    shape: {kind: box, length_m: 0.014, width_m: 0.014, height_m: 0.0001}
    mass_kg: 0.00006
    colour_rgb: [250, 250, 246]
    grasp: {capability: suction, tcp_in_part: {xyz_m: [0.0, 0.0, 0.0001], rpy_rad: [3.14159265, 0.0, 0.0]}}

bill_of_materials: {base: base, lid: lid_white, label: label}

sites:
  base_seat: {item: base, part_in_unit: {}}
  lid_seat:
    item: lid
    part_in_unit: {xyz_m: [0.0, 0.0, 0.012]}
    fit: {clearance_m: 0.0006, depth_m: 0.0020, friction_n: 3.0}
  label_area: {item: label, part_in_unit: {xyz_m: [0.0, 0.0, 0.017]}}

unit_grasp: *across

plan:
  pick_base: {skill: pick, item: base, continues_in: place_base}
  place_base: {skill: place, item: base, after: [pick_base], occupies: fixture}
  pick_lid: {skill: pick, item: lid, after: [place_base], continues_in: insert_lid}
  insert_lid: {skill: insert, item: lid, site: lid_seat, after: [pick_lid], parameters: {force_limit_n: 20.0}}
  label_unit: {skill: label, item: label, site: label_area, after: [insert_lid]}
  inspect_unit: {skill: inspect, after: [label_unit], parameters: {inspection: closed}}
  pick_unit: {skill: pick, after: [inspect_unit], parameters: {source: fixture}, continues_in: pack_unit, vacates: fixture}
  pack_unit: {skill: pack, after: [pick_unit]}

scrap_plan:
  pick_scrap: {skill: pick, parameters: {source: fixture}, continues_in: drop_scrap, vacates: fixture}
  drop_scrap: {skill: place, after: [pick_scrap], parameters: {target: bin}}

inspections:
  closed:
    checks:
      lid_colour: {kind: colour, site: lid_seat, max_delta_e_ratio: 0.12}
      serial: {kind: code, site: label_area, on_fail: rework, redo: [label_unit]}

variants:
  white: {summary: "White lid."}
  blue: {summary: "Blue lid.", items: {lid: lid_blue}}
default_variant: white

packing: {columns: 3, rows: 2, pitch_m: 0.070}
"""
