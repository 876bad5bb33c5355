"""Lines, documents and orders are found, loaded whole and checked; errors name their file."""

import shutil
import time

import pytest
from config_copy import EXAMPLE, SHIPPED

from microcell.description.cell import Cell
from microcell.description.line import Line
from microcell.description.loader import (
    check_paths,
    description_digest,
    find_line,
    load_document,
    load_line,
    load_order,
)
from microcell.description.tool import GripperTool
from microcell.errors import ConfigError

LINES = sorted((SHIPPED / "lines").glob("*.yaml"))


def error_of(load, *arguments):
    with pytest.raises(ConfigError) as caught:
        load(*arguments)
    return str(caught.value)


def test_all_shipped_configuration_is_clean():
    assert check_paths([SHIPPED]) == ()


@pytest.mark.parametrize("path", LINES, ids=lambda path: path.stem)
def test_a_shipped_line_is_loaded_with_all_that_it_names(path):
    line = load_line(path)
    pockets = [p.tool for crib in line.cell_description.of_kind("tool_crib").values() for p in crib.pockets]
    assert isinstance(line, Line)
    assert line.cell_description.name == line.cell
    assert line.product_description.name == line.product
    assert set(line.tools) == {tool for tool in pockets if tool}


def test_a_bare_name_is_found_in_the_shipped_configuration(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert load_line("valve") == load_line(SHIPPED / "lines" / "valve.yaml")


def test_a_bare_name_is_found_in_the_working_directory_first(config, monkeypatch):
    config.edit("lines/valve.yaml", "ideal_cycle_s: 60.0", "ideal_cycle_s: 61.0")
    monkeypatch.chdir(config.root.parent)
    assert load_line("valve").ideal_cycle_s == 61.0


def test_an_unknown_name_gets_the_near_match():
    assert "valv:1:1: there is no line 'valv' in config/lines or " in error_of(find_line, "valv")
    assert error_of(find_line, "valv").endswith("did you mean 'valve'? Correct the name.")


def test_what_lies_beside_the_line_is_preferred_and_the_rest_comes_from_the_shipped_configuration(config):
    (config.root / "tools" / "screwdriver.yaml").unlink()
    config.edit("products/valve.yaml", "serial_prefix: VLV", "serial_prefix: OWN")
    line = load_line(config.line)
    assert line.product_description.serial_prefix == "OWN"
    assert line.tools["screwdriver"] == load_document(SHIPPED / "tools" / "screwdriver.yaml")


def test_a_document_is_loaded_as_what_it_says_it_is():
    assert isinstance(load_document(SHIPPED / "cells" / "bench.yaml"), Cell)
    assert isinstance(load_document(SHIPPED / "tools" / "parallel_gripper.yaml"), GripperTool)
    assert load_document(str(SHIPPED / "orders" / "valve_demo.yaml")).quantity == 12


def test_a_line_that_names_no_file_says_where_it_looked(config):
    config.edit("lines/valve.yaml", "cell: bench", "cell: bnch")
    (text,) = config.texts()
    assert text.startswith("lines/valve.yaml:5:7: cell: there is no cell 'bnch' in ")
    assert text.endswith("did you mean 'bench'? Correct the name.")


def test_a_cell_that_names_no_tool_says_so_at_the_pocket(config):
    config.edit("cells/bench.yaml", "tool: screwdriver", "tool: screw_driver")
    assert [t.split(" in ")[0] for t in config.texts()] == [
        "cells/bench.yaml:36:16: devices.crib.pockets[2].tool: there is no tool 'screw_driver'"
    ]


def test_two_equal_tools_of_a_cell_share_one_file_and_have_their_own_names():
    tools = load_line(SHIPPED / "lines" / "valve_twin.yaml").tools
    assert tools["vacuum_cup_2"] == tools["vacuum_cup"].model_copy(update={"name": "vacuum_cup_2"})


def test_a_type_that_no_file_describes_says_so_at_the_type(config):
    config.edit("cells/bench.yaml", "tool: screwdriver", "tool: driver_2, type: screw_driver")
    (text,) = config.texts()
    assert "devices.crib.pockets[2].type: there is no tool 'screw_driver' in" in text
    assert "did you mean 'screwdriver'?" in text


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("kind: cell", "kind: tool"), "cells/bench.yaml:3:7: kind: this is a tool; a cell is needed here."),
        (
            ("kind: cell", "kind: cel"),
            "cells/bench.yaml:3:7: kind: not allowed (text 'cel'); did you mean 'cell'?",
        ),
        (
            ("kind: cell", "knd: cell"),
            "cells/bench.yaml:3:1: knd: unknown key 'knd' (text 'cell'); did you mean 'kind'?",
        ),
        (("kind: cell\n", ""), "cells/bench.yaml:3:1: the key 'kind' is missing; it is 'cell'. Add it."),
    ],
)
def test_a_wrong_kind_is_the_only_thing_said_of_a_file(config, change, expected):
    config.edit("cells/bench.yaml", *change)
    (text,) = config.texts()
    assert text.startswith(expected)


def test_a_broken_cell_hides_no_mistake_of_the_product(config):
    (config.root / "cells" / "bench.yaml").write_text("kind: [\n", encoding="utf-8")
    lines = (config.root / "products" / "valve.yaml").read_text(encoding="utf-8").splitlines()
    line = 1 + lines.index("default_variant: adult")
    config.edit("products/valve.yaml", "default_variant: adult", "default_variant: adlt")
    cell, product = config.texts()
    assert cell.startswith("cells/bench.yaml:2:1: this is not YAML")
    assert product.startswith(f"products/valve.yaml:{line}:18: default_variant: there is no variant 'adlt'")


def test_a_misspelt_section_does_not_make_its_contents_unknown(config):
    config.edit("products/valve.yaml", "inspections:", "inspectons:")
    (text,) = config.texts()
    assert "inspectons: unknown key 'inspectons'" in text
    assert text.endswith("did you mean 'inspections'? Correct or remove it.")


def test_a_device_of_unknown_kind_is_not_also_missed_elsewhere(config):
    config.edit("cells/bench.yaml", "fixture_1: {kind: fixture,", "fixture_1: {kind: fixtur,")
    (text,) = config.texts()
    assert "devices.fixture_1.kind: not allowed (text 'fixtur'); did you mean 'fixture'?" in text


@pytest.mark.parametrize("text", ["5", "[1]", "text", "true"])
def test_a_file_without_keys_is_no_description(tmp_path, text):
    path = tmp_path / "cell.yaml"
    path.write_text(text, encoding="utf-8")
    assert "this is no description (" in error_of(load_document, path)


def test_a_document_without_kind_outside_the_folders_is_asked_for_it(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("name: a\n", encoding="utf-8")
    assert error_of(load_document, path) == (
        f"{path}:1:1: the key 'kind' is missing; it is one of cell, tool, product, line, order, fault_schedule, "
        "calibration. Add it."
    )


def test_a_missing_file_is_said_for_every_way_to_load(tmp_path):
    path = tmp_path / "none.yaml"
    expected = f"{path}:1:1: there is no such file; a YAML file is needed here. Correct the path."
    assert error_of(load_line, path) == expected
    assert error_of(load_document, path) == expected
    assert error_of(load_order, path) == expected
    assert [str(issue) for issue in check_paths([path])] == [expected]


def test_below_a_directory_hidden_files_are_nobodys_and_dead_links_are_told(tmp_path):
    shutil.copytree(EXAMPLE, tmp_path / "config")
    for name in (".github/workflows/ci.yaml", ".draft.yaml"):
        (tmp_path / "config" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "config" / name).write_text("on: [push]\n", encoding="utf-8")
    assert check_paths([tmp_path / "config"]) == ()
    (tmp_path / "config" / "lines" / "gone.yaml").symlink_to(tmp_path / "nowhere.yaml")
    (issue,) = check_paths([tmp_path / "config"])
    assert str(issue).endswith("gone.yaml:1:1: there is no such file; a YAML file is needed here. Correct the path.")


def test_a_directory_without_descriptions_is_not_called_clean(tmp_path):
    assert [str(issue) for issue in check_paths([tmp_path])] == [
        f"{tmp_path}:1:1: there is no YAML file below this directory; some are needed. Correct the path."
    ]


@pytest.mark.parametrize("name", ["x" * 5000, "a\nb", "a\0b", "", "Ä"])
def test_names_that_no_file_can_have_are_refused_as_any_other(name, config):
    assert "there is no line '" in error_of(find_line, name)
    assert check_paths([name])
    config.edit("lines/valve.yaml", "cell: bench", f"cell: {name!r}".replace("'", '"'))
    assert len(config.texts()) == 1


def test_an_order_for_another_product_is_checked_against_the_one_it_names(config):
    assert load_order(config.root / "orders" / "valve_demo.yaml").product == "valve"
    config.edit("orders/valve_demo.yaml", "quantity: 4", "quantity: 0")
    assert "lines[0].quantity: out of range (0); a whole number from 1 up to 100000 is needed." in error_of(
        load_order, config.root / "orders" / "valve_demo.yaml"
    )


def test_the_digest_depends_on_what_is_said_and_not_on_how_it_is_laid_out(config):
    digest = description_digest(load_line(config.line))
    assert len(digest) == 64
    config.edit("tools/screwdriver.yaml", "mass_kg: 0.74", "# weighed\nmass_kg: 7.4e-1")
    assert description_digest(load_line(config.line)) == digest
    config.edit("tools/screwdriver.yaml", "mass_kg: 7.4e-1", "mass_kg: 0.75")
    assert description_digest(load_line(config.line)) != digest


def test_loading_a_line_takes_no_noticeable_time():
    path = SHIPPED / "lines" / "valve.yaml"
    load_line(path)
    begin = time.process_time()
    load_line(path)
    assert time.process_time() - begin < 0.3
