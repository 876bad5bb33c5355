"""A line with mistakes all over its files: every one is reported at once, with its line and its remedy."""

# ruff: noqa: E501 - messages are written as they are printed

import pytest

from microcell.description.loader import check_paths, load_line
from microcell.errors import ConfigError

BENCH, VALVE, LINE, GRIPPER = (
    "cells/bench.yaml",
    "products/valve.yaml",
    "lines/valve.yaml",
    "tools/parallel_gripper.yaml",
)

MISTAKES = [
    # file, what is written, what should have been, beginning of the report, end of the report
    (LINE, "ideal_cycle_s: -60.0", "ideal_cycle_s: 60.0", "ideal_cycle_s: out of range (-60.0)", "Correct the value."),
    (LINE, "{part: bdy, reorder", "{part: body, reorder", "feeders.nest_1.part: there is no part 'bdy'", "Correct the name."),
    (LINE, "max_unit_in_work: 2", "max_units_in_work: 2", "max_unit_in_work: unknown key", "Correct or remove it."),
    (BENCH, "focal_px: 15_000.0", "focal_px: 15000.0", "devices.camera_1.focal_px: wrong kind", "without underscores."),
    (BENCH, "payload_kg: 0,5", "payload_kg: 5.0", "devices.arm.payload_kg: wrong kind", "decimals after a point."),
    (BENCH, "sees: [fixture_3]", "sees: [fixture_2]", "devices.camera_2.sees[0]: there is no", "Correct the name."),
    (BENCH, "printer: {kind: prnter", "printer: {kind: printer", "devices.printer.kind: not allowed", "Correct the value."),
    (BENCH, "serial: PG-0007, flange_in_cell: {xyz_m: [-0.05", "serial: VC-0012, flange_in_cell: {xyz_m: [-0.05",
     "devices.crib.pockets[1].serial: the serial 'PG-0007' stands twice", "Read it off the tool."),
    (GRIPPER, "stroke_m: wide", "stroke_m: 0.060", "stroke_m: wrong kind of value (text 'wide')", "Correct the value."),
    (GRIPPER, "[gripp]", "[grip]", "capabilities[0]: not allowed (text 'gripp')", "Did you mean 'grip'?"),
    (VALVE, "serial_prefix: vlv", "serial_prefix: VLV", "serial_prefix: not well formed (text 'vlv')", "Correct the value."),
    (VALVE, "after: [inspect_opn], continues_in", "after: [inspect_open], continues_in",
     "plan.pick_cap.after[0]: there is no operation 'inspect_opn'", "Correct the name."),
    (VALVE, "{inspection: closd}", "{inspection: closed}",
     "plan.inspect_closed.parameters.inspection: there is no inspection 'closd'", "Correct the name."),
    (VALVE, "default_variant: grown_up", "default_variant: adult", "default_variant: there is no variant", "Correct the name."),
    (VALVE, "mass_kg: 0.018\n    mass_kg: 0.018", "mass_kg: 0.018", "parts.body.mass_kg: the key 'mass_kg' stands", "Keep one of the two."),
    (VALVE, "search_radius_m: 15.0}", "search_radius_m: 0.0015}",
     "plan.insert_membrane.parameters.search_radius_m: out of range (15.0)", "Correct the value."),
]  # fmt: skip


@pytest.fixture
def broken(config):
    for file, written, right, _, _ in MISTAKES:
        config.edit(file, right, written)
    return config


def test_every_mistake_is_reported_in_one_call_with_its_line_and_remedy(broken):
    issues = broken.issues()
    for file, written, _, begins, ends in MISTAKES:
        text = (broken.root / file).read_text(encoding="utf-8")
        (found,) = [i for i in issues if i.file.endswith(file) and str(i).split(": ", 1)[1].startswith(begins)]
        first = text[: text.index(written)].count("\n") + 1
        assert found.line in range(first, first + written.count("\n") + 1), begins
        assert found.remedy.endswith(ends), found.remedy


def test_nothing_is_reported_that_only_follows_from_a_mistake(broken):
    follows = [
        issue
        for issue in broken.issues()
        if not any(str(issue).split(": ", 1)[1].startswith(begins) for *_, begins, _ in MISTAKES)
    ]
    assert follows == []


def test_the_error_prints_one_line_for_each_issue_in_the_order_of_the_files(broken):
    with pytest.raises(ConfigError) as caught:
        load_line(broken.line)
    lines = str(caught.value).splitlines()
    assert lines == [str(issue) for issue in caught.value.issues]
    assert [(i.file, i.line) for i in caught.value.issues] == sorted((i.file, i.line) for i in caught.value.issues)


def test_checking_the_directory_finds_the_same_and_says_nothing_twice(broken):
    found = check_paths([broken.root])
    assert set(broken.issues()) <= set(found)
    assert len(set(found)) == len(found)


def test_each_mistake_alone_is_the_only_one_reported(config):
    text = {file: (config.root / file).read_text(encoding="utf-8") for file in (BENCH, VALVE, LINE, GRIPPER)}
    for file, written, right, begins, _ in MISTAKES:
        config.edit(file, right, written)
        found = [t.split(": ", 1)[1] for t in config.texts()]
        assert any(t.startswith(begins) for t in found), found
        (config.root / file).write_text(text[file], encoding="utf-8")
