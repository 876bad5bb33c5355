"""The command line as a user meets it: exit codes, texts, JSON."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from config_copy import ConfigCopy

from microcell.cli import main

ROOT = Path(__file__).parents[2]


def microcell(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "microcell.cli", *arguments]
    variables = {name: value for name, value in os.environ.items() if name != "COLUMNS"}  # readline adds it unseen
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=120, check=False)


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    making = "check schema show run up order command tools questions answer device watch report"
    keeping = "verify backup rotate key teach calibrate mode faults security view"
    for command in (*making.split(), *keeping.split()):
        assert re.search(rf"\n    {command}\s", shown)


@pytest.mark.parametrize(
    "command",
    [
        ("new", "line", "pump", "--folder", "{}/pump"),
        ("schema", "--output", "{}/schema"),
        ("world", "valve", "--output", "{}/cell.sdf"),
        ("pack", "valve", "--carton", "0.3x0.2x0.1", "--output", "{}/carton.png"),
    ],
)
def test_where_nothing_can_be_written_is_told_in_one_line(command, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    in_the_way = tmp_path / "a_file"
    in_the_way.touch()
    assert main([argument.format(in_the_way) for argument in command]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert re.fullmatch(
        rf"microcell {command[0]}: {in_the_way}\S*: (Not a directory|File exists)\. "
        r"Check the path, the rights of this user and the free space\.",
        told,
    )


def test_a_packing_is_drawn_into_a_folder_that_is_not_there_yet(tmp_path: Path):
    picture = tmp_path / "new" / "carton.png"
    assert main(["pack", "valve", "--carton", "0.3x0.2x0.1", "--output", str(picture)]) == 0
    assert picture.stat().st_size > 1000


def test_a_picture_larger_than_memory_is_refused(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["view", "valve", "--output", "cell.png", "--width", "100000"])
    assert "argument --width: '100000' is too much: 4000 at most" in capsys.readouterr().err


def test_check_exits_0_on_what_is_shipped():
    done = microcell("check", "config")
    assert (done.returncode, done.stdout) == (0, "no mistakes found\n")


def test_check_exits_2_with_place_and_remedy(tmp_path: Path):
    broken = tmp_path / "grip.yaml"
    broken.write_text((ROOT / "config/tools/vacuum_cup.yaml").read_text().replace("mass_kg", "mass_g"))
    done = microcell("check", str(broken))
    assert done.returncode == 2
    assert "mass_g" in done.stdout and "mass_kg" in done.stdout
    assert ":8:1: " in done.stdout, "line and column of the wrong key"


def test_schema_writes_one_file_a_kind(tmp_path: Path):
    done = microcell("schema", "--output", str(tmp_path))
    kinds = {json.loads(path.read_text())["title"]: path.name for path in tmp_path.iterdir()}
    assert (done.returncode, len(kinds)) == (0, 7)


@pytest.mark.parametrize("world", ["virtual", "mock", "real"])
def test_show_prints_processes_and_devices_and_the_same_as_json(world: str):
    shown = microcell("show", "valve", "--world", world)
    data = json.loads(microcell("show", "valve", "--world", world, "--json").stdout)
    assert shown.returncode == 0
    assert {d["name"] for d in data["devices"]} >= {"arm", "parallel_gripper", "camera_1"}
    assert all(process["name"] in shown.stdout for process in data["processes"])


def test_show_lists_what_runs_in_gazebo_also_where_that_is_not_installed():
    done = microcell("show", "valve", "--world", "gazebo")
    assert done.returncode == 0, done.stderr
    assert "hardware: gazebo" in done.stdout


def test_world_writes_the_world_and_the_bridge_s_file_beside_it(tmp_path: Path):
    done = microcell("world", "valve", "--output", str(tmp_path / "new" / "valve.sdf"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "new" / "valve.sdf").read_text().startswith('<?xml version="1.0"?>\n<sdf version="1.10">')
    assert (tmp_path / "new" / "valve.bridge.yaml").read_text().startswith("- ros_topic_name: /bench/gazebo/clock")


def test_run_accounts_for_every_unit_and_repeats_itself(tmp_path: Path):
    first, second = (json.loads(microcell("run", "valve", "--quantity", "4", "--seed", "7", "--json").stdout) for _ in "12")
    yields = first["kpis"]["yields"]
    assert yields["good"] + yields["scrapped"] == 4
    assert first["digest"] == second["digest"]
    assert len({unit["serial"] for unit in first["units"]}) == 4


def test_a_run_that_must_be_all_good_ends_with_1_when_a_unit_was_scrapped():
    scrapping = ("run", "valve", "--quantity", "3", "--defects", "0.9", "--seed", "3")
    assert microcell(*scrapping).returncode == 0, "every unit is accounted for"
    strict = microcell(*scrapping, "--all-good")
    assert strict.returncode == 1
    assert strict.stderr.startswith("scrapped: VLV-000001, ")
    assert microcell("run", "valve", "--quantity", "1", "--all-good").returncode == 0


def test_a_list_of_orders_is_run_and_handed_in_by_the_option_for_it(tmp_path: Path):
    path = tmp_path / "orders.yaml"
    path.write_text("# two\n- {product: valve, lines: [{quantity: 1}]}\n- {product: valve, lines: [{quantity: 2}]}\n")
    made = json.loads(microcell("run", "valve", "--order", str(path), "--json").stdout)
    assert len(made["orders"]) == 2 and made["kpis"]["yields"]["good"] == 3
    refused = microcell("order", str(path))
    assert refused.returncode == 2
    assert f"is a list of orders: hand them in with --from {path}." in refused.stderr


def test_a_table_is_run_as_its_line_s_and_read_as_the_options_say(tmp_path: Path):
    path = tmp_path / "orders.csv"
    path.write_text("order;quantity\nA-1;2.000\n")
    run = ("run", "valve", "--order", str(path), "--json")
    assert "say --decimal" in microcell(*run).stderr
    made = json.loads(microcell(*run, "--decimal", ".").stdout)
    assert made["kpis"]["yields"]["good"] == 2


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        (("--quantity", "4294967297"), "lines.0.quantity: out of range (4294967297); a whole number from 1 up to 100000"),
        (("--quantity", "1", "--priority", "4294967301"), "priority: out of range (4294967301); a whole number from -100"),
        (("--quantity", "1", "--variant", "größe"), "lines.0.variant: not well formed (text 'größe'); a name of lower case"),
    ],
)
def test_an_order_that_none_can_be_is_refused_before_it_is_sent(told: tuple[str, ...], wrong: str, capsys):
    assert main(["order", *told]) == 2
    assert f"that is no order: {wrong}" in capsys.readouterr().err


@pytest.mark.parametrize("source", [["FILE"], ["--from", "FILE"]])
def test_what_an_order_s_file_says_is_not_said_twice(source: list[str]):
    path = "config/orders/valve_demo.yaml"
    done = microcell("order", *[path if word == "FILE" else word for word in source], "--priority", "5", "--quantity", "2")
    assert done.returncode == 2
    assert "leave --quantity, --priority away, or write it there." in done.stderr


def test_another_seed_gives_another_journal():
    first, second = (microcell("run", "valve", "--quantity", "1", "--seed", seed, "--json").stdout for seed in "12")
    assert json.loads(first)["digest"] != json.loads(second)["digest"]


def test_the_rendered_camera_judges_images_and_the_report_says_which_camera():
    rendered = json.loads(microcell("run", "valve", "--quantity", "1", "--camera", "rendered", "--json").stdout)
    modelled = microcell("run", "valve", "--quantity", "1").stdout
    assert rendered["header"]["camera"] == "rendered"
    assert rendered["kpis"]["yields"]["good"] == 1
    assert "modelled camera" in modelled


def test_run_keeps_a_journal_and_report_reads_and_draws_it(tmp_path: Path):
    journal, chart = tmp_path / "a.journal", tmp_path / "gantt.svg"
    assert microcell("run", "valve", "--quantity", "2", "--variant", "infant", "--journal", str(journal)).returncode == 0
    done = microcell("report", str(journal), "--gantt", str(chart))
    assert done.returncode == 0
    for text in ("VLV-000001", "infant", "OEE", "membrane_soft", "PG-0007", "chain unbroken"):
        assert text in done.stdout
    assert "\nfasten_1.torque_time [N.m.s] " in done.stdout, "no name breaks where a program reads"
    assert "<svg" in chart.read_text()[:500]


def test_run_does_not_write_over_a_journal(tmp_path: Path):
    journal = tmp_path / "a.journal"
    microcell("run", "valve", "--quantity", "1", "--journal", str(journal))
    before = journal.read_bytes()
    done = microcell("run", "valve", "--quantity", "1", "--journal", str(journal))
    assert done.returncode == 2
    assert "is there already. Give --journal a new file" in done.stderr
    assert journal.read_bytes() == before


def test_a_run_in_which_nothing_can_happen_any_more_ends_with_what_it_waits_for(tmp_path: Path):
    config = ConfigCopy(tmp_path)
    config.edit("cells/bench.yaml", "capacity: 120", "capacity: 2")
    for _ in range(3):  # the other nests keep theirs
        config.edit("cells/bench.yaml", "{<<: *nest, part", "{<<: *nest, capacity: 120, part")
    few = "part: body, reorder_level: 1, operator_refills: false"
    config.edit("lines/valve.yaml", "part: body, reorder_level: 10, refill_s: 120.0", few)
    stored = tmp_path / "stored.yaml"
    stored.write_text("{kind: order, product: valve, lines: [{quantity: 1}], allowed_to_start: false}")
    done = microcell("run", str(config.line), "--order", str(stored), "--quantity", "3", "--json")
    assert (done.returncode, json.loads(done.stdout)["kpis"]["yields"]["good"]) == (1, 2)
    short = "short of body: 1 needed, 0 there"
    told = f"not finished: order-0001 (stored, and nobody starts it; {short}), order-0002 ({short})\n"
    assert done.stderr == told


def line_that_asks(folder: Path, step: str) -> str:
    """The example line, in which every grip is lost, with a question about it."""
    config = ConfigCopy(folder)
    policy = f"recovery: {{GRIP_PART_LOST: [{step}]}}\ndisturbances: {{lost_grip_ratio: 1.0}}\nfeeders:\n"
    config.edit("lines/valve.yaml", "feeders:\n", policy)
    return str(config.line)


def test_a_run_that_is_asked_what_has_no_default_ends_with_what_is_asked(tmp_path: Path):
    line = line_that_asks(tmp_path, "{action: ask, choices: [next_part, scrap], text: Is the body greasy?}")
    done = microcell("run", line, "--quantity", "1", "--json")
    assert done.returncode == 1
    assert "the cell asks Q-0001: Is the body greasy? (choices: next_part, scrap)" in done.stderr
    assert "not finished: order-0001" in done.stderr


def test_a_run_takes_the_default_of_a_question(tmp_path: Path):
    line = line_that_asks(tmp_path, "{action: ask, choices: [next_part, scrap], default: scrap, after_s: 60}")
    done = microcell("run", line, "--quantity", "1", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["kpis"]["yields"]["scrapped"] == 1


def test_a_shift_ends_at_its_hour():
    shift = json.loads(microcell("run", "valve", "--quantity", "100", "--hours", "0.25", "--json").stdout)
    assert 900.0 <= shift["header"]["last_s"] < 960.0
    assert 5 < shift["kpis"]["yields"]["good"] < 100


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["run", "valve"], "nothing to make: give --quantity N, or --order FILE."),
        (["run", "valve", "--quantity", "1", "--variant", "giant"], "no variant 'giant'; there are: adult, child, infant."),
        (["run", "valv", "--quantity", "1"], "there is no line 'valv'"),
        (["run", "valve", "--order", "nowhere.yaml"], "nowhere.yaml"),
        (["report", "nowhere.journal"], "there is no journal at"),
        (["report", "README.md"], "is not a journal"),
        (["command", "hodl"], "no command 'hodl'; did you mean 'hold'?"),
        (["command", "resume"], "no command 'resume'; did you mean 'unhold'?"),
        (["order"], "nothing to order: give a FILE, --from FILE, or --quantity N."),
    ],
)
def test_wrong_usage_exits_2_with_one_clear_text(arguments: list[str], text: str):
    done = microcell(*arguments)
    assert done.returncode == 2
    assert text in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("quantity", ["0", "-1", "many", "1e9999"])
def test_a_quantity_that_is_none_is_refused(quantity: str):
    done = microcell("run", "valve", f"--quantity={quantity}")
    assert done.returncode == 2
    assert "--quantity" in done.stderr


def test_ctrl_c_ends_in_stopped_and_keeps_what_was_made(tmp_path: Path):
    journal = tmp_path / "long.journal"
    command = [sys.executable, "-m", "microcell.cli", "run", "valve", "--quantity", "100000", "--journal", str(journal)]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        _wait_for(journal, 200_000)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 130
    assert "interrupted; the cell is Stopped" in err
    assert "Traceback" not in err
    assert "State: Stopped (shutdown)" in out


def _wait_for(path: Path, size: int) -> None:
    """Wait until a file has grown to a size, at most three minutes: beside other work a run may begin late."""
    end = time.monotonic() + 180.0
    while not path.exists() or path.stat().st_size < size:
        assert time.monotonic() < end, f"{path} does not grow"
        time.sleep(0.05)
