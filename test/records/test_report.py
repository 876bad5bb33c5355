import json
import re
from dataclasses import replace

import pytest
from rich.console import Console

from microcell.errors import JournalError
from microcell.events import Event, QuestionAnswered, QuestionAsked
from microcell.records.journal import Head, Journal
from microcell.records.kpis import key_figures
from microcell.records.production import fold
from microcell.records.report import as_json, describe, report
from microcell.records.table_parts import duration, number, percent
from microcell.records.tables import print_report

KEYS = {
    "report_version", "header", "orders", "units", "in_doubt", "questions", "changes", "packml", "quality", "kpis", "digest",
}  # fmt: skip


def journal_of(history):
    journal = Journal.create_or_open(":memory:", "batch")
    for event in history:
        journal.append(event)
    return journal


def printed(of, **options):
    console = Console(width=140)
    with console.capture() as capture:
        print_report(of, console, **options)
    return capture.get()


def test_a_report_is_the_same_from_a_file_and_from_a_fold(story, tmp_path):
    history = story.shift(3)
    with Journal.create_or_open(tmp_path / "j", "batch") as journal:
        for event in history:
            journal.append(event)
    from_file = report(tmp_path / "j")
    assert from_file.production == fold(history)
    assert from_file.kpis == key_figures(fold(history))
    assert from_file.digest.broken is None
    assert from_file == describe(fold(history), Head(from_file.digest.sequence, from_file.digest.hash))


def test_json_has_the_documented_keys_and_survives_json(story):
    data = as_json(report(journal_of(story.shift(3))))
    assert set(data) == KEYS
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["header"]["camera"] == "modelled"
    assert data["orders"][0]["serials"] == ["VALVE-000001", "VALVE-000002", "VALVE-000003"]
    assert data["units"][0]["parts"][0] == {"part": "body", "lot": "body-L1", "operation": "load_body"}
    assert data["units"][0]["operations"][0]["outcome"] == "succeeded"
    assert data["kpis"]["oee"]["availability"] == pytest.approx(1.0, abs=0.05)
    assert data["kpis"]["yields"]["final_yield"] == 1.0
    assert data["digest"]["sequence"] == len(story.shift(3))


@pytest.mark.parametrize(("world", "told"), [
    ("mock", "World: mock, rendered camera (images are drawn of the simulated parts, then judged), seed 7\n"),
    ("gazebo", "World: gazebo, Gazebo's cameras (their images are judged), seed 7\n"),
    ("real", "World: real, its own cameras\n"),
])  # fmt: skip
def test_text_says_whose_cameras_saw_the_units(story, world, told):
    described = report(journal_of(story.shift(1)))
    header = replace(described.header, world=world, camera="rendered", seed=7)
    assert told in printed(replace(described, header=header))


def test_text_says_that_the_camera_was_modelled_and_shows_every_part(story):
    text = printed(report(journal_of(story.shift(6))))
    assert "modelled camera (no images: readings drawn around the truth" in text
    for title in (
        "Orders",
        "Variants",
        "OEE",
        "Time by state",
        "Resources",
        "Faults",
        "Tools",
        "Lots",
        "Units",
    ):
        assert title in text
    assert "chain unbroken" in text
    assert "seated.torque" in text


def test_text_shows_twenty_units_unless_all_are_wanted(story):
    of = report(journal_of(story.shift(23)))
    assert "... and 3 more units; --all shows them." in printed(of)
    assert "VALVE-000023" not in printed(of)
    assert "VALVE-000023" in printed(of, all_units=True)


def test_the_journal_of_a_killed_cell_reports_what_is_in_doubt(story):
    history = story.shift(2)
    last_intent = max(i for i, event in enumerate(history) if event.kind == "operation.started")
    of = report(journal_of(history[: last_intent + 1]))
    assert [doubt.operation for doubt in of.in_doubt] == ["pack"]
    assert "Begun, outcome not recorded" in printed(of)


@pytest.mark.parametrize("length", range(0, 60, 7))
def test_a_journal_cut_anywhere_still_reports(story, length):
    of = report(journal_of(story.shift(2)[:length]))
    assert of.digest.sequence == min(length, len(story.shift(2)))
    assert printed(of)
    assert json.dumps(as_json(of), allow_nan=False)


def test_events_of_a_later_release_are_left_out_and_counted(story, monkeypatch):
    history = story.shift(1)
    journal = journal_of(history)
    monkeypatch.delitem(Event.KINDS, "tool.mounted")
    of = report(journal)
    changes = sum(event.kind == "tool.mounted" for event in history)
    assert of.digest.unknown_events == changes
    assert f"{changes} events are not known to this release" in printed(of)


def test_a_broken_chain_is_said_and_nothing_after_it_is_reported(story):
    journal = journal_of(story.shift(1))
    journal._connection.execute("DROP TRIGGER entry_keeps")
    journal._connection.execute("UPDATE entry SET data = '{' WHERE sequence = 5")
    of = report(journal)
    assert of.digest.broken is not None
    assert of.digest.broken.sequence == 5
    assert of.digest.sequence == 4
    assert of.units == ()
    assert "BROKEN at entry 5: changed after it was written" in printed(of)


def test_orders_with_a_due_date_tell_whether_they_are_in_time(story):
    history = story.shift(2)
    ended_s = fold(history).orders["order-0001"].ended_s
    last_s = ended_s + 5.0

    first = next(i for i, event in enumerate(history) if event.kind == "order.accepted")

    def due(due_s: float, number: str) -> Event:
        return replace(history[first], time_s=last_s, order_id=number, due_s=due_s)

    def told(due_s):
        dated = [*history[:first], replace(history[first], due_s=due_s), *history[first + 1 :]]
        of = report(journal_of([*dated, due(last_s - 60.0, "late"), due(last_s + 90.0, "open")]))
        return [row.late_s for row in of.orders], printed(of)

    late_s, text = told(ended_s - 3.0)
    assert late_s == pytest.approx([3.0, 60.0, -90.0])
    assert re.findall(r"3\.0 s late|60\.0 s late|in 90\.0 s", text) == ["3.0 s late", "60.0 s late", "in 90.0 s"]
    assert "in time" in told(ended_s + 1.0)[1]


def test_orders_without_a_due_date_have_no_column_for_it(story):
    text = printed(report(journal_of(story.shift(1))))
    assert " due" not in text
    assert " late" not in text


def test_a_performance_over_100_percent_names_the_ideal_that_is_none(story):
    history = story.shift(2)
    slow = [replace(event, ideal_cycle_s=500.0) if event.kind == "journal.opened" else event for event in history]
    assert "Lower ideal_cycle_s" in printed(report(journal_of(slow)))
    assert "ideal_cycle_s" not in printed(report(journal_of(history)))


def test_no_journal_is_no_report(tmp_path):
    with pytest.raises(JournalError, match="there is no journal at"):
        report(tmp_path / "nothing")


@pytest.mark.parametrize(("value", "text"), [
    (None, "-"), (0.0, "0"), (0.5, "0.5"), (0.0123456, "0.0123"), (123.456, "123"), (4321.9, "4322"),
    (1.5e-5, "1.50e-05"), (-2.5e7, "-2.50e+07"),
])  # fmt: skip
def test_numbers_are_short(value, text):
    assert number(value) == text


def test_times_and_ratios_are_said_as_people_do():
    assert [duration(seconds) for seconds in (None, 12.34, 1200.0, 9000.0)] == [
        "-",
        "12.3 s",
        "20.0 min",
        "2.5 h",
    ]
    assert [percent(ratio) for ratio in (None, 0.0, 1.004)] == ["-", "0.0 %", "100.4 %"]


def test_questions_are_reported_with_who_answered_them_and_how_long_they_waited(story):
    def asked(time_s: float, number: str, **about: str) -> QuestionAsked:
        given = {"unit": "", "operation": "", "choices": ("retry", "scrap"), "consequences": ("", ""), **about}
        fault = {"code": "INSERT_NO_CONTACT", "where": "arm"}
        return QuestionAsked(time_s=time_s, question=number, fault=fault, text="Does it fit?", **given)

    def answered(time_s: float, number: str, choice: str, by: str) -> QuestionAnswered:
        return QuestionAnswered(time_s=time_s, question=number, choice=choice, by=by)

    of = report(journal_of([
        *story.shift(1),
        asked(1000.0, "Q-0001", unit="VLV-000001", operation="insert_cap"),
        answered(1012.5, "Q-0001", "retry", "ann"),
        asked(1020.0, "Q-0002", device="nest_2"),
        answered(1030.0, "Q-0002", "", "restart"),
        asked(1040.0, "Q-0003", unit="VLV-000002", operation="insert_cap"),
    ]))  # fmt: skip
    assert [(q.choice, q.by, q.settled_s) for q in of.questions] == [
        ("retry", "ann", 1012.5), ("", "restart", 1030.0), ("", "", None),
    ]  # fmt: skip
    rows = [line.split("  ") for line in printed(of).splitlines() if line.startswith("Q-000")]
    assert [[cell.strip() for cell in row if cell.strip()] for row in rows] == [
        ["Q-0001", "INSERT_NO_CONTACT", "VLV-000001 at insert_cap", "retry", "ann", "12.5 s"],
        ["Q-0002", "INSERT_NO_CONTACT", "nest_2", "fell away", "restart", "10.0 s"],
        ["Q-0003", "INSERT_NO_CONTACT", "VLV-000002 at insert_cap", "open", "-"],
    ]
