"""Files of every format: told by their content, read without trust, turned into one kind of order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.cli import main
from microcell.description.source import Unusable
from microcell.gateways.formats import IMPORTERS, import_file
from microcell.gateways.imported import Choices, Imported, ProcessStep

B2MML = """\
<?xml version="1.0" encoding="UTF-8"?>
<ProcessJobOrder xmlns="http://www.mesa.org/xml/B2MML-V0600"><DataArea><Process/>
<JobOrder>
  <ID>JO-7</ID><WorkMasterID>valve</WorkMasterID>
  <StartTime>2026-12-01T08:00:00Z</StartTime><EndTime>2026-12-02T08:00:00+01:00</EndTime>
  <Priority>7</Priority><Command>Store</Command>
  <JobOrderParameter><ID>Variant</ID><Value><ValueString>child</ValueString></Value></JobOrderParameter>
  <EquipmentRequirement><EquipmentID>bench</EquipmentID></EquipmentRequirement>
  <MaterialRequirement><MaterialDefinitionID>valve</MaterialDefinitionID><MaterialUse>Produced</MaterialUse>
    <Quantity><QuantityString>12.0</QuantityString></Quantity></MaterialRequirement>
  <MaterialRequirement><MaterialDefinitionID>body</MaterialDefinitionID><MaterialUse>Consumed</MaterialUse>
    <Quantity><QuantityString>12</QuantityString></Quantity></MaterialRequirement>
</JobOrder></DataArea></ProcessJobOrder>
"""
V4 = """\
<ns:ProductionSchedule xmlns:ns="http://www.wbf.org/xml/B2MML-V0401"><ns:ProductionRequest>
<ns:ID>PR-1</ns:ID><ns:ProductProductionRuleID>0501</ns:ProductProductionRuleID><ns:Priority>1</ns:Priority>
<ns:SegmentRequirement><ns:LatestEndTime>2026-02-26T00:00:00Z</ns:LatestEndTime><ns:MaterialProducedRequirement>
<ns:MaterialDefinitionID>valve/adult</ns:MaterialDefinitionID><ns:Quantity><ns:QuantityString>30</ns:QuantityString></ns:Quantity>
</ns:MaterialProducedRequirement></ns:SegmentRequirement></ns:ProductionRequest></ns:ProductionSchedule>
"""
NEXUS = {
    "workInstructionName": "Valve, adult (Rev 4)",
    "metadata": {"SkuId": "1001", "quantity": 3, "unit": "box"},
    "steps": [
        {"processId": "pickup", "inputItems": [{"guid": "1001", "metadata": {"quantity": 2}}]},
        {"processId": "place", "outputItems": [{"guid": "1001"}]},
    ],
}


def imported(tmp_path: Path, name: str, text: str, **choices: object) -> Imported:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return import_file(path, choices=Choices(**choices))  # type: ignore[arg-type]


def test_a_job_order_of_isa_95_is_an_order(tmp_path: Path):
    found = imported(tmp_path, "job.xml", B2MML)
    assert (found.format, found.issues, found.notes) == ("b2mml", (), ())
    order = found.orders[0]
    assert [(line.variant, line.quantity) for line in order.order.lines] == [("child", 12)]
    assert (order.order.order_id, order.order.product, order.order.priority) == ("JO-7", "valve", 7)
    assert (order.order.due.isoformat(), order.order.allowed_to_start) == ("2026-12-02T08:00:00+01:00", False)
    assert (order.station, order.parts[0].part, order.parts[0].quantity) == ("bench", "body", 12)


def test_work_orders_of_one_id_are_told(tmp_path: Path):
    twice = [{**NEXUS, "id": "W-1"}, {**NEXUS, "id": "W-1"}]
    found = imported(tmp_path, "w.json", json.dumps(twice, indent=1))
    assert len(found.orders) == 1
    assert "[1].id: the work order 'W-1' stands twice; it is already on line 2. Give each" in str(found.issues[0])


def test_what_import_writes_is_read_with_its_dates(tmp_path: Path):
    (tmp_path / "job.xml").write_text(B2MML, encoding="utf-8")
    assert main(["import", str(tmp_path / "job.xml"), "--output", str(tmp_path / "orders.yaml")]) == 0
    written = import_file(tmp_path / "orders.yaml")
    assert [str(issue) for issue in written.issues] == []
    assert [each.order for each in written.orders] == [each.order for each in import_file(tmp_path / "job.xml").orders]


def test_a_production_request_of_version_four_is_an_order_too(tmp_path: Path):
    order = imported(tmp_path, "schedule.xml", V4).orders[0].order
    assert (order.order_id, order.product, order.lines[0].variant, order.quantity) == ("PR-1", "valve", "adult", 30)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("12.0", "12.5", "not allowed (text '12.5'); a whole number from 1 to 100000 is needed"),
        ("<ID>JO-7</ID>", "", "job.xml:3:1: ProcessJobOrder.DataArea.JobOrder: the job order has no ID"),
        ("Store<", "Abort<", "the command 'Abort' makes no order"),
        ("2026-12-02T08", "2026-11-02T08", "its end is not after its start"),
        ("2026-12-02T08", "9999-12-02T08", "no possible date (text '9999-12-02T08:00:00+01:00'); a date after 1970-01-01"),
        (
            "2026-12-02T08:00:00+01:00",
            "tomorrow",
            "ProcessJobOrder.DataArea.JobOrder.EndTime: no date and time (text 'tomorrow')",
        ),
        ("www.mesa.org/xml/B2MML-V0600", "example.org/other", "the namespace 'http://example.org/other' is not B2MML's"),
        ("</JobOrder>", "", "this is not XML (mismatched tag)"),
        ('encoding="UTF-8"?>', '?><!DOCTYPE a [<!ENTITY b "c">]>', "the document has a DTD or entities"),
    ],
)
def test_what_is_wrong_in_xml_is_told_with_its_place(tmp_path: Path, old: str, new: str, text: str):
    found = imported(tmp_path, "job.xml", B2MML.replace(old, new, 1))
    assert any(text in str(issue) for issue in found.issues), found.issues
    assert found.orders == ()


def material(name: str, use: str, quantity: str, unit: str = "") -> str:
    return (
        f"<MaterialRequirement><MaterialDefinitionID>{name}</MaterialDefinitionID><MaterialUse>{use}</MaterialUse>"
        f"<Quantity><QuantityString>{quantity}</QuantityString><UnitOfMeasure>{unit}</UnitOfMeasure></Quantity>"
        "</MaterialRequirement>"
    )


def job(content: str, root: str = "JobList") -> str:
    return f'<{root} xmlns="http://www.mesa.org/xml/B2MML"><JobOrder><ID>J</ID>{content}</JobOrder></{root}>'


VALVES = material("valve", "Produced", "5")


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (job(material("valve", "Produced", "5", "kg")), "the unit of the quantity is not pieces"),
        (job(VALVES + material("valve", "Produced", "7")), "'valve' is produced twice; it is not clear whether"),
        (job(material("valve", "Produced", "1_0")), "not allowed (text '1_0')"),
        (job(VALVES.replace("</Quantity>", "</Quantity><Quantity/>")), "there are several quantities"),
        (job(f"{VALVES}<EndTime>2026-W10-1</EndTime>"), "no date and time (text '2026-W10-1')"),
        (job(f"{VALVES}<EndTime>2026-03-01</EndTime>"), "no date and time (text '2026-03-01')"),
        (job(f"{VALVES}<DispatchStatus>Completed</DispatchStatus>"), "the order is 'Completed' already"),
        (job(VALVES, "CancelJobOrder"), "a transaction 'CancelJobOrder' brings no new orders"),
        (job(VALVES, "RespondWorkSchedule"), "a transaction 'RespondWorkSchedule' brings no new orders"),
        (
            job(VALVES, "SyncJobOrder").replace(
                "<JobOrder>", '<Sync><ActionExpression actionCode="Delete"/></Sync><JobOrder>', 1
            ),
            "a transaction 'SyncJobOrder' with the action 'Delete' brings no new orders",
        ),
    ],
)
def test_what_could_be_read_in_two_ways_or_is_no_new_order_is_refused(tmp_path: Path, text: str, mistake: str):
    found = imported(tmp_path, "job.xml", text)
    assert any(mistake in str(issue) for issue in found.issues), found.issues
    assert found.orders == ()


def test_of_several_segments_the_last_product_and_the_last_end_count(tmp_path: Path):
    first = "<EarliestStartTime>2026-03-01T00:00:00Z</EarliestStartTime><LatestEndTime>2026-03-02T00:00:00Z</LatestEndTime>"
    then = "<EarliestStartTime>2026-03-02T00:00:00Z</EarliestStartTime><LatestEndTime>2026-03-05T00:00:00Z</LatestEndTime>"
    half = material("half", "Produced", "5") + material("body", "Consumed", "5")
    whole = material("half", "Consumed", "5") + VALVES
    segments = (
        f"<SegmentRequirement>{first}{half}</SegmentRequirement><SegmentRequirement>{then}{whole}</SegmentRequirement>"
    )
    found = imported(tmp_path, "job.xml", job(segments))
    order = found.orders[0].order
    assert (order.product, order.quantity, order.earliest.day, order.due.day) == ("valve", 5, 1, 5)
    assert [part.part for part in found.orders[0].parts] == ["body"]
    assert "'half' is consumed by the same order; it is no product." in str(found.notes[0])


def test_a_job_order_has_the_date_priority_and_state_of_its_work_request(tmp_path: Path):
    own = job(VALVES, "WorkRequest").replace(
        "<JobOrder>", "<EndTime>2026-03-05T00:00:00Z</EndTime><Priority>9</Priority><JobOrder>"
    )
    order = imported(tmp_path, "job.xml", own).orders[0].order
    assert (order.due.day, order.priority) == (5, 9)
    other = own.replace("</ID>", "</ID><EndTime>2026-03-04T00:00:00Z</EndTime><Priority>2</Priority>")
    order = imported(tmp_path, "job.xml", other).orders[0].order
    assert (order.due.day, order.priority) == (4, 2)
    done = own.replace("<JobOrder>", "<RequestState>Completed</RequestState><JobOrder>")
    assert "the order is 'Completed' already" in str(imported(tmp_path, "job.xml", done).issues)
    foreseen = imported(tmp_path, "job.xml", done.replace("Completed", "Forecast"))
    assert (foreseen.issues, foreseen.orders[0].order.allowed_to_start) == ((), False)
    ready = done.replace("</ID>", "</ID><DispatchStatus>Ready</DispatchStatus>")
    assert imported(tmp_path, "job.xml", ready).orders[0].order.allowed_to_start


def test_what_a_job_order_leaves_open_is_told(tmp_path: Path):
    grease = material("grease", "Consumed", "0.25", "kg") + material("box", "By-product Produced", "5")
    found = imported(
        tmp_path, "job.xml", job(f"<WorkMasterID>valve</WorkMasterID>{grease}<RequestState>Forecast</RequestState>")
    )
    assert (found.issues, found.orders[0].parts, found.orders[0].order.allowed_to_start) == ((), (), False)
    told = " ".join(map(str, found.notes))
    for text in (
        "it is not said how many; it is taken as 1.",
        "'grease' is not consumed in whole",
        "the order is a forecast",
    ):
        assert text in told


def test_deep_xml_is_refused(tmp_path: Path):
    found = imported(tmp_path, "deep.xml", "<a>" * 5000 + "</a>" * 5000)
    assert "the document is too large or too deep" in str(found.issues[0])


def test_a_work_order_of_nexus_is_an_order_with_its_steps(tmp_path: Path):
    found = imported(tmp_path, "work.json", json.dumps(NEXUS, indent="\t"), names={"1001": "valve/adult"})
    order = found.orders[0]
    assert (found.format, found.issues) == ("nexus", ())
    assert [str(note).split(": ", 1)[1] for note in found.notes] == [
        "metadata.unit: 'unit' is passed over; the quantity is taken as pieces."
    ]
    assert (order.order.product, order.order.lines[0].variant, order.order.quantity) == ("valve", "adult", 3)
    assert order.steps == (ProcessStep("pickup", (("1001", 2),), ()), ProcessStep("place", (), (("1001", 1),)))
    unnamed = imported(tmp_path, "work.json", json.dumps(NEXUS))
    assert unnamed.orders[0].order.product == "valve_adult_rev_4"
    assert any("is taken for the product 'valve_adult_rev_4'; --names FILE says otherwise." in str(n) for n in unnamed.notes)


@pytest.mark.parametrize("metadata", [None, {"SkuId": "1001"}])
def test_a_work_order_that_does_not_say_how_many_is_told(tmp_path: Path, metadata: dict[str, str] | None):
    work = {"workInstructionName": "valve", "metadata": metadata, "steps": [{"processId": "pickup"}]}
    found = imported(tmp_path, "work.json", json.dumps(work))
    assert (found.issues, found.orders[0].order.quantity) == ((), 1)
    assert [note.what for note in found.notes] == ["it is not said how many"]


def test_a_work_order_without_steps_or_with_unknown_keys_is_refused(tmp_path: Path):
    found = imported(tmp_path, "work.json", json.dumps({"workInstructionName": "a", "steps": [], "stepz": 1}))
    assert [issue.where for issue in found.issues] == ["steps", "stepz"]


def test_a_name_that_is_made_one_of_ours_is_told_once(tmp_path: Path):
    rows = "order,product,quantity\nA,CV-299 (Rev 4),1\nB,CV-299 (Rev 4),2\nC,valve/child,1\n"
    found = imported(tmp_path, "orders.csv", rows)
    made = [str(note) for note in found.notes if "is taken for" in str(note)]
    assert len(made) == 1
    assert made[0].endswith(":2:1: 'CV-299 (Rev 4)' is taken for the product 'cv_299_rev_4'; --names FILE says otherwise.")


def test_two_names_that_would_become_one_product_are_told(tmp_path: Path):
    found = imported(tmp_path, "orders.csv", "order,product,quantity\nA,Kit A+,1\nB,Kit A-,2\nC,kit_a,3\n")
    assert [str(issue).split(": ", 1)[1] for issue in found.issues] == [
        "'Kit A-' is taken for the product 'kit_a', and so is 'Kit A+'; --names FILE says which product each is."
    ]
    assert imported(tmp_path, "orders.csv", "order,product,quantity\nA,CV-299,1\nB,cv 299,2\n").issues == ()
    assert imported(tmp_path, "orders.csv", "order,product,quantity\nA,CV-299/x,1\nB,CV-299/y,2\n").issues == ()


def test_two_names_that_would_become_one_variant_are_told_across_orders(tmp_path: Path):
    def works(*called: str) -> str:
        return json.dumps([{"workInstructionName": name, "steps": [{"processId": "pickup"}]} for name in called])

    def jobs(*called: str) -> str:
        made = (
            f"<JobOrder><ID>J{number}</ID><MaterialRequirement><MaterialDefinitionID>{name}</MaterialDefinitionID>"
            "<MaterialUse>Produced</MaterialUse><Quantity><QuantityString>1</QuantityString></Quantity>"
            "</MaterialRequirement></JobOrder>"
            for number, name in enumerate(called)
        )
        return f'<JobOrderList xmlns="http://www.mesa.org/xml/B2MML">{"".join(made)}</JobOrderList>'

    for name, text in (("work.json", works), ("jobs.xml", jobs)):
        found = imported(tmp_path, name, text("valve/A+", "valve/A-"))
        assert [str(issue).split(": ", 1)[1] for issue in found.issues] == [
            "'A-' is taken for the variant 'a', and so is 'A+'; --names FILE says which variant each is."
        ], name
        assert imported(tmp_path, name, text("valve/Adult", "valve/adult", "bracket/A+", "stool/A-")).issues == ()


@pytest.mark.parametrize(
    ("name", "text"), [("orders.csv", "order,product,quantity\n"), ("orders.csv", ""), ("orders.yaml", "[]\n")]
)
def test_a_file_without_an_order_is_no_success(tmp_path: Path, name: str, text: str, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert main(["import", str(path), "--output", str(tmp_path / "out.yaml")]) == 2
    told = capsys.readouterr().out
    assert "there is no order in the file; one at least is needed." in told or "the table is empty" in told
    assert not (tmp_path / "out.yaml").exists()


@pytest.mark.parametrize("name", ["orders.xlsx", "orders.xls", "orders.csv"])
@pytest.mark.parametrize(
    ("start", "text"),
    [
        (b"PK\x03\x04", "this is no workbook that can be read (.xlsx); save it as .xlsx, or save the sheet as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "this is an old workbook (.xls), or a locked one; save it as .xlsx, or save"),
    ],
)
def test_a_file_that_is_no_workbook_of_today_says_how_it_can_be_imported(tmp_path: Path, name: str, start: bytes, text: str):
    (tmp_path / name).write_bytes(start + bytes(600))
    found = import_file(tmp_path / name)
    assert text in str(found.issues[0])
    assert "no workbook that can be" in str(import_file(tmp_path / name, "xlsx").issues[0]) or start[:2] != b"PK"


def test_a_list_of_our_own_orders_is_read_and_doubles_are_told(tmp_path: Path):
    order = "- {kind: order, order_id: a, product: valve, lines: [{quantity: 2}]}\n"
    found = imported(tmp_path, "orders.yaml", order + order + "- {product: valve}\n- 7\n")
    assert [o.order.order_id for o in found.orders] == ["a"]
    assert [str(issue).split(": ", 1)[1] for issue in found.issues] == [
        "[1].order_id: the order 'a' stands twice; it is already on line 1. Give each its own id.",
        "[2]: the key 'lines' is missing; it is a list of 1 to 1000 values. Add it.",
        "[3]: this is no order; a mapping with 'product' and 'lines' is needed. Correct it.",
    ]


def test_a_file_that_is_not_there_or_too_large_is_told(tmp_path: Path):
    assert "there is no such file; a file of orders is needed here" in str(import_file(tmp_path / "none.csv").issues[0])
    assert "the file is larger than 1000000 bytes" in str(imported(tmp_path, "big.csv", "a" * 1_000_001).issues[0])


PIECES = st.sampled_from(
    [
        b"orders:\n",
        b"- id: A\n",
        b"<JobOrder>",
        b"\x00",
        b"PK\x03\x04",
        b"\xff\xfe",
        b"a;b\n",
        b'"',
        b"{",
        b"[" * 60,
        b"!!python/x ",
        b"&a [*a]\n",
        b"quantity,product\n1,valve\n",
        b"challenges: [{human: }]\n",
        b"workInstructionName",
    ]
)


@settings(max_examples=150)
@given(st.sampled_from(sorted(IMPORTERS)), st.lists(st.one_of(PIECES, st.binary(max_size=12)), max_size=8).map(b"".join))
def test_no_content_gets_any_importer_into_trouble(name: str, content: bytes):
    try:
        found = IMPORTERS[name](content, "f", Choices())
    except Unusable as error:
        assert error.remedy
    else:
        assert found.format == name


def test_the_command_reports_rows_and_writes_only_what_is_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    table, out = tmp_path / "orders.csv", tmp_path / "orders.yaml"
    table.write_text("order,product,variant,quantity\nA,valve,child,2\nB,valve,adult,x\n", encoding="utf-8")
    assert main(["import", str(table), "--check"]) == 2
    told = capsys.readouterr().out
    assert "row 2: A: 2 x valve child\nrow 3: refused: no number ('x')\n" in told
    assert told.endswith("csv: 1 order, 1 mistake\n")
    assert main(["import", str(table), "--output", str(out)]) == 2 and not out.exists()
    table.write_text("order,product,variant,quantity\nA,valve,child,2\n", encoding="utf-8")
    assert main(["import", str(table), "--output", str(out)]) == 0
    assert yaml.safe_load(out.read_text(encoding="utf-8"))[0]["lines"] == [{"variant": "child", "quantity": 2}]
    assert import_file(out).orders[0].order == import_file(table).orders[0].order


def test_the_command_says_what_a_line_cannot_make(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    table = tmp_path / "orders.csv"
    table.write_text("product,variant,quantity\nvalve,giant,2\npump,,1\n", encoding="utf-8")
    assert main(["import", str(table), "--line", "valve"]) == 2
    told = capsys.readouterr().out
    assert "orders.csv:2:1: there is no variant 'giant'; there are: adult, child, infant." in told
    assert "orders.csv:3:1: this line makes 'valve', not 'pump'; --names FILE says which product is meant." in told
    assert main(["import", str(table), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["orders"][1]["order"]["product"] == "pump"
    table.write_text("what,variant,quantity\ncontroller,,2\npump,,1\n", encoding="utf-8")
    also = ["import", str(table), "--also", "controller_mixed", "--column", "product=what"]
    assert main([*also, "--line", "valve_mixed"]) == 2
    told = capsys.readouterr().out
    assert "this cell makes 'valve', 'controller', not 'pump'" in told
    assert "csv: 2 orders, 1 mistake" in told
    assert main(also) == 2
    assert "--also says another line of the cell beside that of --line LINE." in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["import", str(table), "--column", "what=product"])
    assert (
        "'what=product' is not COLUMN=HEADER, such as quantity='Qty open', with one of order_id" in capsys.readouterr().err
    )
