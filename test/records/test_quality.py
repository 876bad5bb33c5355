"""Quality from a journal: distributions, capability, charts, and verdicts beside the truth."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from random import Random

import pytest
from rich.console import Console

from microcell import events
from microcell.cli import main
from microcell.errors import UsageError
from microcell.records.journal import Journal
from microcell.records.production import fold
from microcell.records.quality import Histogram, charted, quality
from microcell.records.quality_picture import draw_quality
from microcell.records.quality_tables import bars, print_quality
from microcell.truth_log import truth_path

LIMIT_M = 0.0006
SITES = {"place": "seat", "colour": "seat", "screw": "screw_1"}


@dataclass(frozen=True)
class Truth:
    unit: str
    attempt_id: str
    outcome: str = "succeeded"
    failed_checks: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def inspected(number: int, values: dict[str, float], failed: tuple[str, ...] = (), checks: tuple = ()):
    """A unit's begin, its inspection, and its end."""
    now, unit, attempt = float(number), f"VLV-{number}", f"1.{number}"
    operation = {"unit": unit, "operation": "inspect_open", "skill": "inspect", "attempt_id": attempt}
    measured = tuple(
        {"name": name, "value": value, "unit": "m", "lower": None, "upper": LIMIT_M, "text": "", "source": "camera_1"}
        for name, value in values.items()
    )
    yield events.UnitStarted(time_s=now, unit=unit, order_id="A", variant=("adult", "child")[number % 2])
    yield events.OperationStarted(time_s=now, **operation, resources={"fixture": "fixture_1", "camera": "camera_1"})
    yield events.OperationEnded(
        time_s=now + 0.5,
        **operation,
        outcome="rejected" if failed else "succeeded",
        message="",
        duration_s=0.5,
        measurements=measured,
        failed_checks=failed,
        inspection={"sites": SITES, "checks": checks},
    )


def history(count: int, value=lambda number, random: random.gauss(0.0001 + 0.0001 * (number % 2), 1e-5)):
    random = Random("quality")
    for number in range(count):
        yield from inspected(number, {"place.position": value(number, random)})


def test_a_value_has_distribution_capability_and_charts_of_its_own():
    found = quality(fold(history(400))).checks[0]
    assert (found.name, found.upper, found.count, found.out) == ("place.position", LIMIT_M, 400, 0)
    assert sum(found.histogram.counts) == 400
    assert found.capability.ppk.value == pytest.approx(450e-6 / 3 / 51e-6, rel=0.05)
    assert (found.chart.processes, found.chart.charted, found.chart.drifts) == (2, 400, 0)
    assert found.chart.ewma_out <= 4  # two variants lie apart, each by itself is in order
    assert found.verified is None


def test_a_shift_shows_on_the_chart():
    found = quality(fold(history(400, lambda number, random: random.gauss(1e-4 + 1e-5 * (number > 200), 1e-5)))).checks[0]
    assert found.chart.ewma_out > 30


@pytest.mark.parametrize("count", [10, 20, 26, 40, 60])
def test_a_process_in_order_seldom_breaks_a_rule_however_few_values_there_are(count):
    points = []
    for seed in range(300):
        random = Random(f"in order {seed}")
        points += [point for point in charted([random.gauss(0.0, 1.0) for _ in range(count)])[1] if point]
    assert sum(bool(point.broken) for point in points) <= 0.06 * len(points)


def test_limits_are_not_made_from_too_few_values_and_that_is_told():
    def shifted(first: int):
        return lambda number, random: random.gauss(1e-4 + 1e-4 * (number >= first), 1e-5)

    few = quality(fold(history(50, shifted(26))))
    chart = few.checks[0].chart
    assert (chart.charted, chart.unjudged, chart.ewma_out, chart.broken) == (50, 50, 0, {}), "25 of each of two variants"
    out = io.StringIO()
    print_quality(few, Console(file=out, width=140))
    assert "a control chart, which needs more than 25 of a variant and station: place.position (50 of 50)" in out.getvalue()
    enough = quality(fold(history(70, shifted(50)))).checks[0].chart
    assert (enough.unjudged, enough.ewma_out) == (0, 20)


def test_what_was_uncertain_and_what_drifted_is_counted():
    doubtful = ({"check": "place", "note": "uncertain after 3 looks"},)
    numbers = {"mean": 0.0, "centre": 0.0, "sd": 0.0, "limit": 0.0, "used_ratio": 0.5}
    names = {"measurement": "place.position", "variant": "", "station": "", "unit": "", "unit_of_value": "m", "reason": ""}
    told = events.ProcessDrift(time_s=9.0, drifting=True, **names, **numbers)
    story = [*history(20), *inspected(20, {"place.position": 0.0006}, ("place",), doubtful), told]
    found = quality(fold(story)).checks[0]
    assert (found.uncertain, found.chart.drifts) == (1, 1)
    out = io.StringIO()
    print_quality(quality(fold(story)), Console(file=out, width=110))
    assert "too few values" in out.getvalue().partition("Control charts")[2].partition("Too few")[0]


def verified_story():
    """Four units: good, a bad seat that was caught, a bad seat that escaped, and a good one that was rejected."""
    values = {"place.position": 0.0001, "colour.colour": 0.00001, "screw.presence": 0.0001}
    story = [
        *inspected(1, values),
        *inspected(2, values, ("colour",)),
        *inspected(3, values),
        *inspected(4, values, ("screw",)),
    ]
    truth = [
        Truth("VLV-1", "1.1"),
        Truth("VLV-2", "1.2", "rejected", ("colour",), ("seat: membrane_soft instead of membrane_firm",)),
        Truth("VLV-3", "1.3", "succeeded", (), ("seat: missing",)),
        Truth("VLV-4", "1.4", "rejected", ("screw",)),
    ]
    return fold(story), truth


def test_verdicts_are_held_against_the_truth():
    found = quality(*verified_story())
    by_check = {check.name.partition(".")[0]: check.verified for check in found.checks}
    seat = by_check["place"]
    assert (seat.bad, seat.escapes, seat.good, seat.false_rejects) == (2, 1, 2, 0)
    screw = by_check["screw"]
    assert (screw.bad, screw.escapes, screw.good, screw.false_rejects) == (0, 0, 2, 1)
    whole = found.verdicts
    assert (whole.units, whole.bad, whole.escapes, whole.false_rejects, whole.escaped) == (4, 2, 1, 1, ("VLV-3",))


def test_the_tables_say_it():
    out = io.StringIO()
    print_quality(quality(*verified_story()), Console(file=out, width=110))
    text = out.getvalue()
    assert "1 of 2 bad units escaped (50.0 %), 1 of 2 good ones rejected (50.0 %)" in text
    assert "Escaped: VLV-3" in text
    print_quality(quality(fold(history(400))), Console(file=out, width=110))
    assert "place.position  400  " in out.getvalue()


@pytest.mark.parametrize(
    ("values", "shown"),
    [([], ""), ([1.0] * 5, "█"), ([0.0] * 70 + [1.0], "█            ▁")],
)
def test_a_histogram_is_drawn_with_characters(values, shown):
    assert bars(Histogram.of(values)) == shown


def test_the_report_has_it_as_json_and_as_a_picture(tmp_path, capsys):
    path, picture = tmp_path / "v.journal", tmp_path / "quality.png"
    with Journal.create_or_open(path, durability="batch") as journal:
        for event in history(60):
            journal.append(event)
    assert main(["report", str(path), "--json", "--quality", str(picture)]) == 0
    told = json.loads(capsys.readouterr().out)["quality"]
    assert told["verdicts"] is None
    assert told["checks"][0]["capability"]["ppk"]["low"] < told["checks"][0]["capability"]["ppk"]["value"]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_truth_beside_a_journal_is_read_and_a_damaged_one_is_told(tmp_path, capsys):
    path = tmp_path / "v.journal"
    with Journal.create_or_open(path, durability="batch") as journal:
        for event in inspected(1, {"place.position": 0.0001}):
            journal.append(event)
    row = {"unit": "VLV-1", "variant": "child", "operation": "inspect_open", "inspection": "open", "attempt_id": "1.1"}
    row |= {"time_s": 1.5, "outcome": "succeeded", "failed_checks": [], "faults": ["seat: missing"]}
    truth_path(path).write_text(json.dumps(row) + "\n")
    assert main(["report", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["quality"]
    assert told["verdicts"] == {"units": 1, "bad": 1, "escapes": 1, "false_rejects": 0, "escaped": ["VLV-1"]}
    assert told["checks"][0]["verified"]["escapes"] == 1
    truth_path(path).write_text(json.dumps(row)[:40])
    assert main(["report", str(path)]) == 2
    assert "v.journal.truth.jsonl is damaged" in capsys.readouterr().err


def test_what_cannot_be_drawn_is_said(tmp_path):
    with pytest.raises(UsageError, match="end its name with .png or .svg"):
        draw_quality(fold(history(9)), tmp_path / "q.jpg")
    with pytest.raises(UsageError, match="nothing to draw"):
        draw_quality(fold(()), tmp_path / "q.png")
