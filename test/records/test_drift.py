"""Drift of a process, told before it makes scrap, and not told where nothing drifts."""

from __future__ import annotations

from random import Random

import pytest

from microcell import events
from microcell.description.checks import ChartSpec
from microcell.records.drift import DriftFold

LIMIT_M, CENTRE_M, SD_M = 0.0006, 0.0001, 0.00002


class Line:
    """Units that come to an inspection one after the other; what the fold wants told comes back as an event."""

    def __init__(self, **spec) -> None:
        self.fold = DriftFold(lambda measurement: ChartSpec(**spec))
        self.told: list[events.ProcessDrift] = []
        self.number = 0

    def inspect(self, value_m, variant="adult", station="fixture_1", upper=LIMIT_M, **measured):
        self.number += 1
        unit, attempt = f"VLV-{self.number}", f"1.{self.number}"
        now, operation = float(self.number), {"operation": "inspect_open", "skill": "inspect", "attempt_id": attempt}
        value = {"name": "place.position", "value": value_m, "unit": "m", "lower": None, "upper": upper, "text": ""}
        value.update(measured)
        ended = {"outcome": "succeeded", "message": "", "duration_s": 1.0, "measurements": (value,)}
        for event in (
            events.UnitStarted(time_s=now, unit=unit, order_id="A", variant=variant),
            events.OperationStarted(time_s=now, unit=unit, **operation, resources={"fixture": station}),
            events.OperationEnded(time_s=now, unit=unit, **operation, **ended),
            events.UnitEnded(time_s=now, unit=unit, order_id="A", disposition="good", reason="", carton=""),
        ):
            self.fold.apply(event)
        self.tell()
        return self

    def tell(self):
        for event in self.fold.due(float(self.number)):
            self.fold.apply(event)
            self.told.append(event)


def scatter(seed, count, centre=CENTRE_M, step=0.0):
    random = Random(f"drift {seed}")
    return [random.gauss(centre + step * number, SD_M) for number in range(count)]


def after(*values, line=None, **spec):
    line = line or Line(**spec)
    for value in values:
        line.inspect(value)
    return line


def test_a_slow_drift_is_told_once_and_before_any_value_is_out():
    values = scatter(1, 60) + scatter(2, 200, step=4e-6)
    first_bad = next(number for number, value in enumerate(values, 1) if value > LIMIT_M)
    line = after(*values[: first_bad - 1])
    assert len(line.told) == 1
    told = line.told[0]
    assert told.time_s < first_bad - 20
    assert (told.drifting, told.measurement, told.variant, told.station) == (True, "place.position", "adult", "fixture_1")
    assert 0.5 <= told.used_ratio < 0.65
    assert told.fault["code"] == "PROCESS_DRIFTING"
    assert told.fault["where"] == "fixture_1"
    assert "limit 0.0006; the weighted mean is beyond its limits" in told.fault["detail"]
    assert line.fold.drifting() == (told,)


def test_a_process_in_order_tells_nothing_in_five_thousand_units():
    assert after(*scatter(3, 5000)).told == []


def test_a_change_that_does_not_matter_is_not_told():
    assert after(*scatter(4, 60), *scatter(5, 300, centre=CENTRE_M + 3 * SD_M)).told == []


def test_near_the_limit_any_signal_is_told():
    near = LIMIT_M - 4.5 * SD_M
    line = after(*scatter(6, 60, centre=near), *scatter(7, 60, centre=near + 1.0 * SD_M))
    assert [drift.drifting for drift in line.told][:1] == [True]
    assert line.told[0].used_ratio < 0.5


def test_a_drift_away_from_the_limit_is_none():
    assert after(*scatter(8, 60, centre=0.0004), *scatter(9, 100, centre=0.0001)).told == []


def test_a_drift_that_is_over_is_told_as_such():
    line = after(*scatter(10, 60), *scatter(11, 60, centre=0.00045), *scatter(12, 60))
    assert [drift.drifting for drift in line.told] == [True, False]
    assert line.told[1].fault is None
    assert line.told[1].reason.endswith("it is within its control limits again")
    assert line.fold.drifting() == ()


def test_rejected_units_are_no_drift():
    values = [value for pair in zip(scatter(13, 100), [0.002] * 100, strict=True) for value in pair]
    assert after(*values).told == []


def test_each_variant_and_station_has_a_chart_of_its_own():
    line = Line()
    for low, high in zip(scatter(14, 200), scatter(15, 200, centre=0.0004), strict=True):
        line.inspect(low, variant="adult").inspect(high, variant="child").inspect(high, station="fixture_2")
    assert line.told == []


@pytest.mark.parametrize("measured", [{"text": "VLV-1"}, {"value": None}, {"upper": None}, {"lower": 0.0006}])
def test_what_is_no_number_between_limits_is_not_charted(measured):
    line = Line(baseline=5)
    for value in scatter(16, 10) + [0.00055] * 50:
        line.inspect(**{"value_m": value, **{("value_m" if k == "value" else k): v for k, v in measured.items()}})
    assert line.told == []


def test_a_line_can_do_without_alarms_or_have_them_earlier():
    values = scatter(17, 60) + scatter(18, 60, centre=CENTRE_M + 3 * SD_M)
    assert after(*values, alarm=False).told == []
    assert [drift.drifting for drift in after(*values, used_ratio=0.0).told][:1] == [True]


def test_nelsons_rules_count_where_they_are_asked_for():
    trend = [CENTRE_M + SD_M * 0.2 * number for number in range(6)]
    told = after(*scatter(19, 60), *trend, used_ratio=0.0, width_ratio=10.0, rules=(3,)).told
    assert "six in a row rising or falling" in told[0].fault["detail"]


def test_maintenance_makes_a_new_process():
    line = after(*scatter(20, 60), *scatter(21, 40, centre=0.00045))
    assert len(line.told) == 1
    line.fold.apply(events.ModeChanged(time_s=0.0, unit="fixture_1", mode="Production", reason=""))
    line.tell()
    assert [drift.drifting for drift in line.told] == [True, False]
    after(*scatter(22, 200, centre=0.00045), line=line)
    assert len(line.told) == 2


def test_a_restarted_cell_tells_what_it_had_not_told_and_nothing_twice():
    values = scatter(23, 60) + scatter(24, 60, centre=0.00045)
    line = after(*values)
    again = DriftFold(lambda measurement: ChartSpec())
    for number, value in enumerate(values, 1):
        ended = {"unit": f"VLV-{number}", "operation": "o", "skill": "inspect", "attempt_id": f"1.{number}"}
        measured = {"name": "place.position", "value": value, "unit": "m", "lower": None, "upper": LIMIT_M}
        again.apply(events.UnitStarted(time_s=0.0, unit=ended["unit"], order_id="A", variant="adult"))
        again.apply(events.OperationStarted(time_s=0.0, **ended, resources={"fixture": "fixture_1"}))
        outcome = {"outcome": "succeeded", "message": "", "duration_s": 1.0}
        again.apply(events.OperationEnded(time_s=float(number), **ended, **outcome, measurements=(measured,)))
    assert [drift.drifting for drift in again.due(0.0)] == [True]
    again.apply(line.told[0])
    assert again.due(0.0) == []
