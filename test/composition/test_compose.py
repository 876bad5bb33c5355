"""What runs for a line in each world."""

import json
import re
from pathlib import Path

import pytest

from microcell.composition.blueprint import NodePlan, ProcessPlan
from microcell.composition.compose import compose
from microcell.composition.describe import describe
from microcell.composition.processes import FAST_DDS_2, FAST_DDS_3, check_startable, environment, ros_parameters
from microcell.description.loader import load_line
from microcell.errors import MissingCapabilityError, UsageError

VALVE = load_line("valve")


def blueprint(world="mock", **options):
    return compose(VALVE, world, line_path="valve", **options)


def process(name, **options) -> ProcessPlan:
    return next(plan for plan in blueprint(**options).processes if plan.name == name)


def node(name, world="mock") -> NodePlan:
    return next(plan for plan in blueprint(world).nodes if plan.name == name)


def test_the_virtual_world_is_one_process_without_nodes():
    plan = blueprint("virtual")
    assert [(p.name, p.parameters["camera"]) for p in plan.processes] == [("microcell", "modelled")]
    assert plan.nodes == ()
    assert {d.driver for d in plan.devices if d.kind == "camera"} == {"camera/modelled"}


def test_the_virtual_world_cannot_be_started_as_processes():
    with pytest.raises(UsageError, match="the world 'virtual' needs no processes. Run it with: microcell run valve"):
        check_startable(blueprint("virtual"))


def test_the_mock_world_is_four_processes_in_bring_up_order():
    plan = blueprint("mock")
    assert [p.name for p in plan.processes] == ["hardware", "arm_skills", "inspection_skills", "orchestrator"]
    assert [p.after for p in plan.processes] == [
        (), ("hardware",), ("hardware",), ("hardware", "arm_skills", "inspection_skills"),
    ]  # fmt: skip
    assert plan.namespace == "bench"
    assert all(device.driver.endswith("/ros") for device in plan.devices)


def test_the_real_world_is_the_same_without_mock_hardware():
    plan = blueprint("real")
    assert [p.name for p in plan.processes] == ["arm_skills", "inspection_skills", "orchestrator"]
    assert plan.processes[0].after == ()
    assert all("time_scale" not in p.parameters for p in plan.processes)


def test_in_gazebo_the_world_comes_first_and_time_is_its_own():
    plan = blueprint("gazebo")
    assert [(p.name, p.executable) for p in plan.processes][:2] == [("hardware", "gazebo"), ("arm_skills", "skill_server")]
    assert all(p.parameters["use_sim_time"] for p in plan.processes)
    assert plan.processes[0].parameters["folder"] == "out/valve.journal.gazebo"
    assert all(device.driver.endswith("/ros") for device in plan.devices)


def test_where_gazebo_is_not_installed_the_error_names_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("AMENT_PREFIX_PATH", "")
    lacks = "the world gazebo needs the command gz and the package ros_gz_bridge. Install Gazebo with its ROS 2 bridge"
    with pytest.raises(MissingCapabilityError, match=lacks):
        check_startable(blueprint("gazebo"))


def test_an_unknown_world_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="no world 'moon'; there are: virtual, mock, gazebo, real."):
        blueprint("moon")


@pytest.mark.parametrize(
    ("told", "taken"), [("", "bench"), ("/bench_2", "bench_2"), ("/hall_2/bench/", "hall_2/bench"), ("/", "bench")]
)
def test_a_namespace_may_be_told_with_slashes_around_it(told, taken):
    assert blueprint(namespace=told).namespace == taken


@pytest.mark.parametrize("told", ["hall 2", "2nd", "hall//bench", "hall-2", "häll"])
def test_what_is_no_namespace_in_ros_is_refused(told):
    with pytest.raises(UsageError, match=f"'{told}' is no namespace. Take letters, digits and underscores"):
        blueprint(namespace=told)


@pytest.mark.parametrize("scale", [0.0, -2.0, float("nan"), float("inf")])
def test_a_time_scale_that_is_no_speed_is_refused(scale):
    with pytest.raises(UsageError, match=f"time_scale {scale:g} is no speed. Give a number over 0; 1 is real time"):
        blueprint(time_scale=scale)


def test_a_modelled_camera_is_refused_between_nodes():
    with pytest.raises(UsageError, match="camera 'modelled' exists in the virtual world only. In mock, leave camera out."):
        blueprint("mock", camera="modelled")


def test_the_skills_of_the_arm_share_one_process_and_its_devices():
    arm = node("arm_skills")
    assert arm.hosts == ("assembly", "packaging", "tooling")
    assert {"arm", "changer", "wrist_force", "crib", "camera_trays", "screwdriver"} <= set(arm.devices)
    assert "camera_1" not in arm.devices


def test_a_tester_is_looked_into_by_the_arms_skills():
    nodes = compose(load_line("battery"), "mock", line_path="battery").nodes
    arm = next(plan for plan in nodes if plan.name == "arm_skills")
    assert "camera_2" in arm.devices
    assert "camera_1" not in arm.devices


def test_inspection_has_the_cameras_and_fixtures_only():
    assert set(node("inspection_skills").devices) == {
        "fixture_1", "fixture_2", "camera_1", "camera_2", "camera_trays",
    }  # fmt: skip


def test_the_orchestrator_is_told_its_servers_what_it_watches_and_its_journal():
    told = process("orchestrator", journal="out/valve.journal", seed=7).parameters
    assert told["skill_servers"] == ["arm_skills", "inspection_skills"]
    assert told["journal"] == "out/valve.journal" and told["seed"] == 7
    assert set(told["devices"]) == {"changer", "safety", *VALVE.feeders}
    assert process("orchestrator").parameters["journal"] == "out/valve.journal"


def test_every_process_is_told_the_other_lines_and_the_orchestrator_tells_their_stations():
    line = load_line("valve", ["controller"])
    plan = compose(line, "mock", line_path="valve", also=["controller"])
    assert [process.parameters["also"] for process in plan.processes] == [["controller"]] * 4
    watched = plan.node_of("orchestrator").devices
    assert {"cartons", "printer", "nest_1"} <= set(watched)
    assert "printer" not in node("orchestrator").devices
    with pytest.raises(UsageError, match="in world gazebo nobody sets stations up for another line. Leave --also out."):
        compose(line, "gazebo", line_path="valve", also=["controller"])


def test_what_must_outlive_a_process_is_beside_the_journal():
    hardware, arm = process("hardware", journal="day/1.journal"), process("arm_skills", journal="day/1.journal")
    assert hardware.parameters["plant_state"] == "day/1.journal.bench"
    assert hardware.parameters["journal"] == "day/1.journal"
    assert arm.parameters["attempts"] == "day/1.journal.arm_skills.attempts"


def test_every_process_outlives_those_that_need_it():
    assert process("hardware").parameters["dependents"] == ["arm_skills", "inspection_skills", "orchestrator"]
    assert process("arm_skills").parameters["dependents"] == ["orchestrator"]
    assert "dependents" not in process("orchestrator").parameters


def test_faster_hardware_brings_its_own_time_to_the_others():
    assert process("orchestrator", time_scale=10.0).parameters["use_sim_time"] is True
    assert "use_sim_time" not in process("hardware", time_scale=10.0).parameters
    assert "use_sim_time" not in process("orchestrator", time_scale=1.0).parameters


def test_a_namespace_can_be_chosen():
    assert blueprint(namespace="cell_7").namespace == "cell_7"


def test_a_blueprint_is_data():
    data = json.loads(json.dumps(blueprint().as_data()))
    assert data["processes"][0]["name"] == "hardware"
    assert data["world"] == "mock"


def test_a_blueprint_is_described_for_people():
    text = describe(blueprint("mock"))
    assert text.startswith("line valve in cell bench, world mock, names under /bench")
    assert "  arm_skills: skill_server  (after hardware)" in text
    assert "    skills:  assembly, packaging, tooling" in text
    assert "camera_trays      camera/ros" in text


def test_an_empty_list_is_no_ros_parameter():
    assert ros_parameters(ProcessPlan("p", "orchestrator", {"devices": [], "seed": 0})) == {"seed": 0}


@pytest.mark.parametrize(("inherited", "variable"), [({"ROS_DISTRO": "jazzy"}, FAST_DDS_2), ({}, FAST_DDS_3)])
def test_processes_get_the_shared_memory_profile_of_their_distribution(inherited, variable):
    assert environment(inherited)[variable].endswith("config/ros/fastdds.xml")


def test_processes_talk_to_this_machine_only_unless_the_user_says_otherwise():
    assert environment({})["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert "ROS_AUTOMATIC_DISCOVERY_RANGE" not in environment({"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"})


def test_a_profile_of_the_users_stays():
    chosen = {FAST_DDS_3: "mine.xml", "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}
    assert environment(chosen) == {"PYTHONUNBUFFERED": "1"}


def test_every_program_of_a_cell_is_installed():
    scripts = re.findall(r'"(\w+) = microcell\.nodes\.(\w+):main"', (Path(__file__).parents[2] / "setup.py").read_text())
    assert all(name == module for name, module in scripts)
    used = {process.executable for world in ("mock", "gazebo") for process in blueprint(world).processes}
    assert used <= {name for name, _ in scripts}


def test_gazebo_is_refused_where_everybody_needs_an_enclave(monkeypatch):
    monkeypatch.setenv("ROS_SECURITY_ENABLE", "true")
    with pytest.raises(UsageError, match="Gazebo's bridge has no enclave: unset ROS_SECURITY_ENABLE"):
        check_startable(blueprint("gazebo"))
