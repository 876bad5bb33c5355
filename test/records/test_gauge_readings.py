"""Readings for gauge studies: tables, journals, and what is wrong with them."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from microcell import events
from microcell.cli import main
from microcell.devices.camera.modelled import ModelledCamera
from microcell.errors import UsageError
from microcell.records.gauge_readings import from_journal, from_table, studies_of
from microcell.records.production import fold

GOOD = "feature,part,appraiser,value,unit,lower,upper\n" + "".join(
    f"cap.position,{part},{camera},{part * 1e-4 + trial * 1e-6 + shift},m,,0.01\n"
    for part in range(4)
    for camera, shift in (("camera_1", 0.0), ("camera_2", 2e-6))
    for trial in range(3)
)


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "study.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_table_is_studied(table):
    found = studies_of(from_table(table(GOOD))).studies[0]
    assert (found.feature, found.unit, found.parts, found.appraisers, found.trials) == ("cap.position", "m", 4, 2, 3)
    assert found.repeatability == pytest.approx(1e-6, rel=0.1)
    assert found.verdict == "good"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("part,value\n", "study.csv:1: there is no column 'feature'"),
        (GOOD + "cap.position,9,camera_1,,m,,0.01\n", "study.csv:26: 'value' is empty"),
        (GOOD + "cap.position,9,camera_1,much,m,,0.01\n", "study.csv:26: value 'much' is no number"),
        (GOOD + "cap.position,9,camera_1,inf,m,,0.01\n", "study.csv:26: value 'inf' is no number"),
        (GOOD + "cap.position,9,camera_1,1,m,,0.02\n", "study.csv:26: other limits of 'cap.position' than above"),
        (GOOD + "cap.position,9,camera_1,1,mm,,0.01\n", "study.csv:26: the unit of 'cap.position' is 'mm', above it is 'm'"),
        (GOOD + "cap.position,9,camera_1,0,002,m,,0.01\n", "study.csv:26: more cells than columns. Decimals have a point"),
        (GOOD + "cap.position,9\n", "study.csv:26: 'appraiser' is empty"),
        ("", "study.csv:1: there is no column 'feature'"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_its_line(table, text, wrong):
    with pytest.raises(UsageError) as error:
        from_table(table(text))
    assert wrong in str(error.value)


def test_a_table_that_is_none_is_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot be read as a table"):
        from_table(tmp_path / "nothing.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read as a table"):
        from_table(tmp_path / "binary.csv")


def test_the_command_prints_and_ends_with_1_for_an_unfit_gauge(table, capsys):
    assert main(["gauge", "--table", str(table(GOOD))]) == 0
    said = capsys.readouterr().out
    assert "cap.position" in said
    assert "4 parts x 2 places x 3 trials: 24 of 24 readings used\n" in said
    unfit = GOOD.replace(",0.01\n", ",0.000005\n")
    assert main(["gauge", "--table", str(table(unfit)), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["studies"][0]["verdict"] == "unfit"


def inspected(unit, fixture, camera, trial, value):
    name = {"unit": unit, "operation": "inspect_open", "skill": "inspect", "attempt_id": f"{unit}/{fixture}/{trial}"}
    measured = {"name": "cap.position", "value": value, "unit": "m", "lower": None, "upper": 0.01, "source": camera}
    serial = {"name": "cap.code", "value": 1.0, "unit": "1", "lower": 1.0, "upper": None, "text": unit, "source": camera}
    ended = {"outcome": "succeeded", "message": "", "duration_s": 1.0, "measurements": (measured, serial)}
    yield events.OperationStarted(time_s=0.0, **name, resources={"fixture": fixture, "camera": camera})
    yield events.OperationEnded(time_s=1.0, **name, **ended)


def test_a_journal_in_which_units_were_inspected_repeatedly_is_studied():
    story = [
        event
        for part in range(4)
        for place in (1, 2)
        for trial in range(3)
        for event in inspected(f"U-{part}", f"fixture_{place}", f"camera_{place}", trial, part * 1e-4 + trial * 1e-6)
    ]
    found = studies_of(from_journal(fold(story)))
    assert found.lacking == ()
    assert [(s.feature, s.parts, s.appraisers, s.trials) for s in found.studies] == [("cap.position", 4, 2, 3)]
    once = studies_of(from_journal(fold(story[:2]))).lacking
    assert once == ("cap.position: 1 part(s); a study needs 2 at the least, 10 for a figure to rely on.",)


def test_looks_that_gave_no_number_are_counted_and_told(table):
    story = [
        event
        for part in range(4)
        for trial in range(4)
        for event in inspected(f"U-{part}", "f", "c", trial, None if trial == 3 else part * 1e-4 + trial * 1e-6)
    ]
    found = studies_of(from_journal(fold(story))).studies[0]
    assert (found.used, found.readings, found.failed, found.verdict) == (12, 12, 4, "usable")
    blind = [event for trial in range(3) for event in inspected("U-1", "f", "c", trial, None)]
    assert studies_of(from_journal(fold(blind))).lacking == (
        "cap.position: 3 looks failed to measure it, and none gave a number.",
    )


def test_in_the_plant_too_a_look_that_gave_no_number_is_told(monkeypatch, capsys):
    looks, measured = iter(range(1000)), ModelledCamera.measure

    async def sometimes(camera, *request):
        readings, digest = await measured(camera, *request)
        failing = next(looks) % 5 == 0
        return [replace(r, value=math.nan) if failing and r.name == "membrane_place" else r for r in readings], digest

    monkeypatch.setattr(ModelledCamera, "measure", sometimes)
    main(["gauge", "valve", "--camera", "modelled", "--parts", "5", "--trials", "5", "--inspection", "open"])
    told = " ".join(capsys.readouterr().out.split())
    assert "5 parts x 2 places x 4 trials: 40 of 40 readings used; 10 more failed to measure (membrane_place" in told


def test_readings_that_come_in_coarse_steps_are_told(table, capsys):
    rows = "".join(f"gap,{part},a,{0.02 * (part > 1)},m,-0.02,0.04\n" for part in range(4) for _ in range(3))
    assert main(["gauge", "--table", str(table("feature,part,appraiser,value,unit,lower,upper\n" + rows))]) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert "gap: its readings come in steps of 20000 um, too coarse to tell more: read it finer" in told


def test_what_cannot_be_studied_is_told_beside_what_can(table, capsys):
    once = GOOD + "cap.turn,1,camera_1,0.1,rad,,\ncap.turn,2,camera_1,0.1,rad,,\n"
    assert main(["gauge", "--table", str(table(once))]) == 0
    assert "not studied: cap.turn: a part was measured only once" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "what is to be studied? Name a line, or give --table FILE or --journal FILE."),
        (["valve", "--inspection", "opened"], "no inspection 'opened'; there are: open, closed."),
        (["valve", "--variant", "giant"], "no variant 'giant'; there are: adult, child, infant."),
    ],
)
def test_a_study_of_nothing_is_refused(arguments, text, capsys):
    assert main(["gauge", *arguments]) == 2
    assert text in capsys.readouterr().err


def test_the_inspections_of_a_line_are_studied_in_the_plant(capsys):
    """With the modelled camera, which has errors of known size and takes no time."""
    ended = main(["gauge", "valve", "--camera", "modelled", "--parts", "5", "--json"])
    studies = {one["feature"]: one for one in json.loads(capsys.readouterr().out)["studies"]}
    assert {"membrane_place.position", "cap_turn.orientation", "cap_surface.surface"} <= set(studies)
    assert "serial.code" not in studies
    assert ended == any(one["verdict"] == "unfit" for one in studies.values())
    place = studies["membrane_place.position"]
    assert (place["parts"], place["appraisers"], place["trials"]) == (5, 2, 3)
    assert place["grr_of_tolerance"] < 0.3, "fit, by the manual"
    assert place["part_variation"] > 3 * place["rr"] > 0
