"""The files of `microcell security`: well formed, complete, and nobody may do more than his work needs."""

import inspect
import re
import xml.etree.ElementTree as ET
from datetime import datetime, timezone

import pytest

from microcell.cli import main
from microcell.composition.compose import compose
from microcell.composition.security import Access, Enclave, Validity, dds_topics, permissions_xml
from microcell.description.loader import load_line
from microcell.ros import names
from microcell.ros.access import ROLES, WIRES, enclaves

VALVE = load_line("valve")
VALIDITY = Validity(datetime(2026, 1, 1, tzinfo=timezone.utc), datetime(2027, 1, 1, tzinfo=timezone.utc))

# What the schemas of sros2 and of DDS Security 1.1 ask for, in our own words: for each element its parent, the children
# that it must have in this order ("+" one or more, "*" any number), and its attributes.
POLICY = {
    "policy": (["enclaves"], {"version": r"0\.2\.0"}),
    "enclaves": (["enclave+"], {}),
    "enclave": (["profiles+"], {"path": r"(/[a-z][a-z0-9_]*)+"}),
    "profiles": (["profile+"], {}),
    "profile": (["topics*", "services*", "actions*"], {"ns": r"/\w+", "node": r"\w+"}),
    "topics": (["topic+"], {"publish?": "ALLOW", "subscribe?": "ALLOW"}),
    "services": (["service+"], {"reply?": "ALLOW", "request?": "ALLOW"}),
    "actions": (["action+"], {"call?": "ALLOW", "execute?": "ALLOW"}),
}
_HEAD = {
    "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation":
        r"http://www\.omg\.org/spec/DDS-SECURITY/20170901/omg_shared_ca_\w+\.xsd",
}  # fmt: skip
PERMISSIONS = {
    "dds": (["permissions"], _HEAD),
    "permissions": (["grant+"], {}),
    "grant": (["subject_name", "validity", "allow_rule+", "default"], {"name": r"(/\w+)+"}),
    "validity": (["not_before", "not_after"], {}),
    "allow_rule": (["domains", "publish*", "subscribe*"], {}),
    "domains": (["id+"], {}),
    "publish": (["topics"], {}),
    "subscribe": (["topics"], {}),
    "topics": (["topic+"], {}),
}
GOVERNANCE = {
    "dds": (["domain_access_rules"], _HEAD),
    "domain_access_rules": (["domain_rule+"], {}),
    "domain_rule": (
        ["domains", "allow_unauthenticated_participants", "enable_join_access_control", "discovery_protection_kind",
         "liveliness_protection_kind", "rtps_protection_kind", "topic_access_rules"],
        {},
    ),
    "domains": (["id+"], {}),
    "topic_access_rules": (["topic_rule+"], {}),
    "topic_rule": (
        ["topic_expression", "enable_discovery_protection", "enable_liveliness_protection",
         "enable_read_access_control", "enable_write_access_control", "metadata_protection_kind",
         "data_protection_kind"],
        {},
    ),
}  # fmt: skip
VALUES = {
    "topic": r"(/[a-z_]\w*)+|ros_discovery_info|r[tqr](/[a-z_]\w*)+",
    "service": r"(/[a-z_]\w*)+",
    "action": r"(/[a-z_]\w*)+",
    "id": r"\d{1,3}",
    "subject_name": r"CN=(/\w+)+",
    "not_before": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
    "not_after": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
    "default": "DENY",
    "topic_expression": r"\*",
    "allow_unauthenticated_participants": "false",
    **dict.fromkeys(
        ("enable_join_access_control", "enable_discovery_protection", "enable_liveliness_protection",
         "enable_read_access_control", "enable_write_access_control"),
        "true",
    ),
    **dict.fromkeys(
        ("discovery_protection_kind", "liveliness_protection_kind", "rtps_protection_kind", "metadata_protection_kind",
         "data_protection_kind"),
        "ENCRYPT|SIGN",
    ),
}  # fmt: skip


def wrong(element: ET.Element, schema: dict) -> list[str]:
    """Everything in an element that its schema does not have."""
    if element.tag not in schema:
        text = element.text or ""
        good = not len(element) and not element.attrib and re.fullmatch(VALUES[element.tag], text)
        return [] if good else [f"<{element.tag}> is {text!r}"]
    children, attributes = schema[element.tag]
    order = "".join(f"(?:{c.rstrip('+*')} ){c[-1] if c[-1] in '+*' else ''}" for c in children)
    found = [] if re.fullmatch(order, "".join(f"{c.tag} " for c in element)) else [
        f"<{element.tag}> holds {[c.tag for c in element]}"
    ]  # fmt: skip
    known = {name.rstrip("?"): pattern for name, pattern in attributes.items()}
    found += [f"<{element.tag}> has {n}={v!r}" for n, v in element.items() if not re.fullmatch(known.get(n, "(?!)"), v)]
    found += [f"<{element.tag}> lacks {n}" for n in attributes if not n.endswith("?") and n not in element.attrib]
    return found + [problem for child in element for problem in wrong(child, schema)]


@pytest.fixture(scope="module", params=["mock", "real"])
def folder(request, tmp_path_factory):
    """What the command writes for the valve line in a world."""
    output = tmp_path_factory.mktemp(request.param)
    assert main(["security", "valve", "--world", request.param, "--output", str(output), "--domain", "42"]) == 0
    return output


def of(world: str) -> dict[str, Enclave]:
    return {e.path: e for e in enclaves(compose(VALVE, world, line_path="valve"))}


def test_policy_and_governance_are_of_their_schemas(folder):
    assert wrong(ET.parse(folder / "policy.xml").getroot(), POLICY) == []
    assert wrong(ET.parse(folder / "governance.xml").getroot(), GOVERNANCE) == []


def test_every_enclave_of_the_policy_has_permissions_of_their_schema(folder):
    paths = [e.get("path", "") for e in ET.parse(folder / "policy.xml").getroot().iter("enclave")]
    assert len(paths) == len(set(paths)) == 8
    for path in paths:
        root = ET.parse(folder / "enclaves" / path.strip("/") / "permissions.xml").getroot()
        assert wrong(root, PERMISSIONS) == []
        assert [e.text for e in root.iter("subject_name")] == [f"CN={path}"]
        assert {e.text for e in root.iter("id")} == {"42"}


def test_permissions_are_the_policy_in_the_words_of_dds(folder):
    root = ET.parse(folder / "policy.xml").getroot()
    for enclave in root.iter("enclave"):
        rights = {"publish": set(), "subscribe": set(), "request": set(), "reply": set(), "call": set(), "execute": set()}
        for group in enclave.iterfind("profiles/profile/*"):
            for right in group.attrib:
                rights[right] |= {item.text for item in group}
        permissions = ET.parse(folder / "enclaves" / enclave.get("path", "").strip("/") / "permissions.xml").getroot()
        written = {t.text for t in permissions.iterfind(".//publish/topics/topic")}
        assert {f"rt{n}" for n in rights["publish"]} <= written
        assert {f"rq{n}Request" for n in rights["request"]} <= written
        assert {f"rq{n}/_action/send_goalRequest" for n in rights["call"]} <= written
        services = len(rights["request"]) + len(rights["reply"])
        assert len(written) == 1 + len(rights["publish"]) + services + 3 * len(rights["call"]) + 5 * len(rights["execute"])


def test_a_checker_that_finds_nothing_would_be_no_use():
    root = permissions_xml(Enclave("/bench/x", ()), 0, VALIDITY)
    assert wrong(root, PERMISSIONS) == []
    root.find(".//default").text = "ALLOW"
    root.find(".//grant").remove(root.find(".//validity"))
    assert wrong(root, PERMISSIONS) == [
        "<grant> holds ['subject_name', 'allow_rule', 'default']", "<default> is 'ALLOW'",
    ]  # fmt: skip


def test_an_action_is_three_services_and_two_topics():
    writes, reads = dds_topics(Access(calls=frozenset({"/a/do"})))
    services = ("cancel_goal", "get_result", "send_goal")
    assert writes == {"ros_discovery_info", *(f"rq/a/do/_action/{service}Request" for service in services)}
    assert {"rt/a/do/_action/feedback", "rt/a/do/_action/status"} < reads
    assert dds_topics(Access(executes=frozenset({"/a/do"}))) == (reads, writes)


def test_every_name_of_the_ros_face_is_in_somebodys_rights():
    """A new topic, service or action in names.py needs its place in access.py."""
    granted = set().union(*(w | r for w, r in (dds_topics(e.access()) for e in of("mock").values())))
    nodes = {names.HARDWARE, names.ARM_CONTROLLER, names.TOOLING, names.STATIONS, names.CAMERAS}
    constants = {v for k, v in vars(names).items() if k.isupper() and isinstance(v, str)} - nodes
    forgotten = {n for n in constants if not any(f"/{n.lstrip('/')}" in topic for topic in granted)}
    assert forgotten == set()
    per_device = {
        f for _, f in inspect.getmembers(names, inspect.isfunction)
        if list(inspect.signature(f).parameters) in (["device"], ["camera"])
    } - {names.sensor_frame, names.optical_frame}  # fmt: skip
    assert per_device == {f for wire in WIRES.values() for f in (*wire.commands, *wire.states, *wire.services, *wire.shown)}


@pytest.mark.parametrize("world", ["mock", "real"])
def test_nobody_but_skills_and_orchestrator_commands_devices(world: str):
    rights = of(world)
    for path, enclave in rights.items():
        published = {n for n in enclave.access().publishes if n.endswith(("/joint_trajectory", "/threshold"))}
        assert (path == "/bench/arm_skills") == bool(published), path


def test_a_viewer_can_change_nothing():
    viewer = of("mock")["/bench/roles/viewer"].access()
    assert viewer.requests == {"/bench/list_orders", "/bench/list_questions", "/bench/list_tools"}
    assert (viewer.calls, viewer.publishes) == (frozenset(), {"/parameter_events"})


def test_roles_have_what_their_work_needs():
    roles = {role: of("mock")[f"/bench/roles/{role}"].access() for role in ROLES}
    may = {role: {n.rpartition("/")[2] for n in access.requests | access.calls} for role, access in roles.items()}
    assert {"submit_order", "control_order", "packml_command", "produce_order"} <= may["operator"]
    assert {"refill_feeder", "set_device_service", "answer_question"} <= may["operator"] & may["maintenance"]
    assert {"change_tool", "dock_tool", "set_tool_service", "packml_command"} <= may["maintenance"]
    assert not may["operator"] & {"change_tool", "set_tool_service", "schedule_fault", "set_parameters"}
    assert not may["maintenance"] & {"submit_order", "produce_order", "schedule_fault", "set_parameters"}
    assert may["operator"] | may["maintenance"] | {"schedule_fault", "set_parameters"} <= may["integrator"]
    assert "record_step" not in set().union(*may.values())


def test_fault_injection_and_simulated_time_are_in_no_real_cell():
    used = set().union(*(w | r for w, r in (dds_topics(e.access()) for e in of("real").values())))
    assert not [topic for topic in used if "schedule_fault" in topic or topic == "rt/clock"]


def test_drivers_of_others_get_an_enclave_with_the_other_side_of_ours():
    drivers = of("real")["/bench/hardware"]
    assert {p.node for p in drivers.profiles} >= {"arm", "fixture_1", "vacuum_cup"}
    arm = next(p.access for p in drivers.profiles if p.node == "arm")
    assert "/bench/arm/joint_trajectory" in arm.subscribes
    assert "/bench/arm/joint_states" in arm.publishes


def test_names_follow_the_namespace(tmp_path):
    assert main(["security", "valve", "--namespace", "north", "--output", str(tmp_path)]) == 0
    text = (tmp_path / "policy.xml").read_text()
    assert "/north/submit_order" in text
    assert "/bench/" not in text


def test_no_keys_are_written(folder):
    assert {p.name for p in folder.rglob("*") if p.is_file()} == {"policy.xml", "governance.xml", "permissions.xml"}


def test_the_virtual_world_has_nothing_to_secure(capsys):
    with pytest.raises(SystemExit):
        main(["security", "valve", "--world", "virtual", "--output", "nowhere"])
    assert "invalid choice: 'virtual'" in capsys.readouterr().err


def test_a_domain_without_ports_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["security", "valve", "--output", "nowhere", "--domain", "233"])
    assert "'233' is not a domain from 0 to 232" in capsys.readouterr().err
