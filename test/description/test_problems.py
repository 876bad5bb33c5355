"""What a model refuses is said in plain words: place, value, what is allowed, what to do."""

# ruff: noqa: E501 - messages are written as they are printed

from datetime import timedelta

import pytest
from pydantic import Field, model_validator

from microcell.description.base import Description
from microcell.description.cell import Cell
from microcell.description.order import Order
from microcell.description.problems import validate
from microcell.description.product import Product
from microcell.description.source import parse_source
from microcell.description.tool import Tool

JARGON = (
    "Input should",
    "pydantic",
    "Field required",
    "Extra inputs",
    "type=",
    "validation error",
    "tuple",
    "dict",
)


def texts(model, text):
    source = parse_source(text, "f.yaml")
    _, problems = validate(model, source.data)
    return [str(problem.issue(source)) for problem in problems]


def device(text):
    return texts(Cell, f"kind: cell\nname: bench\ndevices:\n  x: {text}\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "{kind: force_sensor, noise_n: -1}",
            "f.yaml:4:36: devices.x.noise_n: out of range (-1); a number from 0 up to 10 is needed. Correct the value.",
        ),
        (
            "{kind: fixture, seat_in_cell: {xyz_m: [450, 0, 0]}}",
            "f.yaml:4:45: devices.x.seat_in_cell.xyz_m[0]: out of range (450); a number from -10 up to 10 is needed. "
            "Write m: 450 mm are 0.45.",
        ),
        (
            "{kind: fixture, seat_in_cell: {rpy_rad: [0, 0, -90]}}",
            "f.yaml:4:53: devices.x.seat_in_cell.rpy_rad[2]: out of range (-90); a number from -6.28319 up to 6.28319 is "
            "needed. Write rad: -90 degrees are -1.5707963.",
        ),
        (
            "{kind: fixture, seat_in_cell: {xyz_m: [450000, 0, 0]}}",
            "f.yaml:4:45: devices.x.seat_in_cell.xyz_m[0]: out of range (450000); a number from -10 up to 10 is needed. "
            "Correct the value.",
        ),
        (
            "{kind: force_sensor, nois_n: 1}",
            "f.yaml:4:27: devices.x.nois_n: unknown key 'nois_n' (1); did you mean 'noise_n'? Correct or remove it.",
        ),
        (
            "{kind: force_sensor, colour: red}",
            "f.yaml:4:27: devices.x.colour: unknown key 'colour' (text 'red'); "
            "allowed are driver, parameters, shape, kind, noise_n, reaction_s. Remove or correct it.",
        ),
        (
            "{kind: tool_changer}",
            "f.yaml:4:3: devices.x: the key 'coupling' is missing; it is text. Add it.",
        ),
        (
            "{kind: tool_changr}",
            "f.yaml:4:13: devices.x.kind: not allowed (text 'tool_changr'); did you mean 'tool_changer'? Correct the value.",
        ),
        (
            "{noise_n: 1}",
            "f.yaml:4:3: devices.x: the key 'kind' is missing; it is one of arm, bin, camera, carton_station, feeder, "
            "fixture, force_sensor, press, printer, safety, tester, tool_changer and 2 more. Add it.",
        ),
        (
            "7",
            "f.yaml:4:6: devices.x: wrong kind of value (7); a mapping whose kind says what it is is needed. Correct the value.",
        ),
        (
            "{kind: force_sensor, driver: {vitual: force_sensor/mock}}",
            "f.yaml:4:36: devices.x.driver.vitual: the key 'vitual' is not allowed; "
            "it must be one of virtual, mock, gazebo, real. Correct it.",
        ),
        (
            "{kind: tool_crib, pockets: []}",
            "f.yaml:4:33: devices.x.pockets: too few (a list of 0); a list of at least 1 value is needed. Correct the value.",
        ),
        (
            "{kind: bin, drop_in_cell: {xyz_m: [1, 2]}}",
            "f.yaml:4:40: devices.x.drop_in_cell.xyz_m: too few (a list of 2); a list of 3 values is needed. Correct the value.",
        ),
        (
            "{kind: bin, drop_in_cell: {xyz_m: [1, 2, far]}}",
            "f.yaml:4:47: devices.x.drop_in_cell.xyz_m[2]: wrong kind of value (text 'far'); "
            "a number from -10 up to 10 is needed. Correct the value.",
        ),
        (
            "{kind: tool_changer, coupling: 31}",
            "f.yaml:4:37: devices.x.coupling: wrong kind of value (31); text is needed. Put it in quotes.",
        ),
    ],
)
def test_a_devices_mistake_is_said_with_its_place(text, expected):
    assert device(text) == [expected]


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("'0.1'", "Write the number without quotes."),
        ("0,1", "Write the decimals after a point."),
        ("012", "Write the number without leading zeros."),
        ("1_0", "Write the number without underscores."),
        ("0x1", "Write the number in decimals."),
        ("1:30", "Write a time in seconds, as one number."),
        (".inf", "Write a finite number."),
        ("0.1 N", "Write the number alone; the key's ending is its unit."),
        ("much", "Correct the value."),
    ],
)
def test_text_in_place_of_a_number_gets_the_fitting_advice(written, advice):
    (text,) = device("{kind: force_sensor, noise_n: " + (f'"{written}"' if "," in written else written) + "}")
    assert "wrong kind of value (text '" in text
    assert text.endswith(f"a number from 0 up to 10 is needed. {advice}")


def test_no_number_is_taken_from_true_and_no_whole_number_from_a_broken_one():
    assert "wrong kind of value (true); a number" in device("{kind: force_sensor, noise_n: true}")[0]
    assert texts(Order, "{kind: order, product: a, lines: [{quantity: 2.5}]}") == [
        "f.yaml:1:46: lines[0].quantity: wrong kind of value (2.5); "
        "a whole number from 1 up to 100000 is needed. Correct the value."
    ]


def test_yes_is_no_truth_value_and_the_advice_says_so():
    class Switch(Description):
        on: bool = Field(True)

    assert texts(Switch, "on: yes") == [
        "f.yaml:1:5: on: wrong kind of value (text 'yes'); true or false is needed. Write true or false, as YAML 1.2 has it."
    ]


@pytest.mark.parametrize("due", ["5", "2026-03-01", "2026-03-01 10:00:00", "tomorrow"])
def test_a_due_date_without_time_and_zone_is_refused(due):
    (text,) = texts(Order, f"{{kind: order, product: a, lines: [{{quantity: 1}}], due: '{due}'}}")
    assert "due: " in text
    assert "a date and time with zone such as 2026-03-01T14:00:00+01:00 is needed." in text


def test_an_orders_file_says_when_it_is_due_and_when_it_may_begin():
    text = "{product: a, lines: [{quantity: 1}], due: '2026-03-01T14:00:00+01:00', earliest: '2026-03-01T12:00:00Z'}"
    order, problems = validate(Order, parse_source(text, "f.yaml").data)
    assert (problems, order.due - order.earliest) == ((), timedelta(hours=1))


@pytest.mark.parametrize("due", ["2038-01-19T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
def test_a_date_that_ros_could_not_say_is_refused(due):
    (text,) = texts(Order, f"{{kind: order, product: a, lines: [{{quantity: 1}}], due: '{due}'}}")
    assert "a date after 1970-01-01 and before 2038-01-19 is needed; leave it away for none." in text


def test_a_misspelt_key_is_not_also_reported_as_missing():
    assert device("{kind: tool_changer, copling: iso}") == [
        "f.yaml:4:27: devices.x.copling: unknown key 'copling' (text 'iso'); did you mean 'coupling'? Correct or remove it."
    ]


def test_a_list_is_not_called_too_short_because_its_elements_are_wrong():
    (text,) = device("{kind: tool_crib, pockets: [{flange_in_cell: 3}]}")
    assert "devices.x.pockets[0].flange_in_cell: wrong kind of value (3); a mapping with the keys xyz_m, rpy_rad" in text


def test_names_of_entries_are_names():
    (text,) = texts(Cell, "kind: cell\nname: bench\ndevices:\n  Arm-1: {kind: force_sensor}\n")
    assert text == (
        "f.yaml:4:3: devices.Arm-1: the key 'Arm-1' is not allowed; it must be a name of lower case letters, digits "
        "and underscores that begins with a letter (at most 63 characters). Correct it."
    )


def test_an_entry_that_is_named_as_its_kind_has_its_own_place():
    text = "kind: cell\nname: bench\ndevices:\n  bin: {kind: bin, drop_in_cell: {xyz: 1}}\n"
    assert texts(Cell, text)[0].startswith("f.yaml:4:35: devices.bin.drop_in_cell.xyz: unknown key 'xyz' (1)")


TURNING = "lower_rad: -1, upper_rad: 1, velocity_rad_s: 1, acceleration_rad_s2: 1, jerk_rad_s3: 1"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("7", "joints[0]: wrong kind of value (7); a mapping with the keys lower_rad, upper_rad, velocity_rad_s,"),
        (f"{{{TURNING.replace('-1', '-1000')}}}", "joints[0].lower_rad: out of range (-1000); a number from -628.319 up to"),
        (f"{{{TURNING}, effort: 3}}", "joints[0].effort: unknown key 'effort' (3); allowed are lower_rad, upper_rad,"),
        (f"{{{TURNING.replace(', upper_rad: 1', '')}}}", "joints[0]: the key 'upper_rad' is missing; it is a number from"),
        (f"{{{TURNING.replace('lower_rad', 'lower_m')}}}", "joints[0].upper_rad: unknown key 'upper_rad' (1); did you mean 'upper_m'?"),
    ],
)  # fmt: skip
def test_a_mistake_in_one_of_several_forms_has_its_place(written, said):
    found = device(
        f"{{kind: arm, tool_changer: a, force_sensor: b, payload_kg: 1, joints: [{written}], home_rad: [0, 0, 0, 0]}}"
    )
    assert f"devices.x.{said}" in found[0], found


def test_what_is_no_solid_is_refused():
    (text,) = device("{kind: tool_changer, coupling: iso, shape: [7]}")
    assert "devices.x.shape[0]: wrong kind of value (7); a mapping with the keys at, box_m, radius_m, length_m," in text


def test_a_tool_says_its_device_first():
    assert texts(Tool, "kind: tool\nname: a\n") == [
        "f.yaml:1:1: the key 'device' is missing; it is one of dispenser, gripper, screwdriver, vacuum, welder. Add it."
    ]
    assert texts(Tool, "kind: tool\nname: a\ndevice: griper\n") == [
        "f.yaml:3:9: device: not allowed (text 'griper'); did you mean 'gripper'? Correct the value."
    ]


def test_a_rule_that_a_model_checks_itself_is_told_in_its_words():
    class Window(Description):
        low_m: float
        high_m: float

        @model_validator(mode="after")
        def _ordered(self):
            if self.low_m > self.high_m:
                raise ValueError("low_m must be below high_m")
            return self

    assert texts(Window, "low_m: 2\nhigh_m: 1\n") == [
        "f.yaml:1:1: not accepted (keys low_m, high_m); low_m must be below high_m. Correct the value."
    ]


@pytest.mark.parametrize("model", [Cell, Product, Tool, Order])
@pytest.mark.parametrize("text", ["{}", "[]", "3", "{kind: [1], name: {a: 1}, parts: {a: 3}, devices: [1], lines: {}}"])
def test_no_message_speaks_the_librarys_language(model, text):
    found = texts(model, text)
    assert found
    assert not [word for word in JARGON for line in found if word in line]
