"""Every name of the ROS face, relative to the cell's namespace, in one place.

Devices are named as in the cell's description; the tools of a crib as their descriptions. What is not listed for a kind
of device does not exist.
"""

from __future__ import annotations

from microcell.description.cell import ArmSpec
from microcell.errors import UsageError

# --- the cell ----------------------------------------------------------------------------------------------------------

CELL_STATE = "cell_state"
ORDERS = "orders"
TOOL_STATES = "tool_states"
EVENTS = "events"
FAULTS = "faults"
PACKML_STATUS = "packml_status"

SUBMIT_ORDER = "submit_order"
UPDATE_ORDER = "update_order"
CONTROL_ORDER = "control_order"
LIST_ORDERS = "list_orders"
PACKML_COMMAND = "packml_command"
SET_MODE = "set_mode"
CHANGE_LINE = "change_line"
PRODUCE_ORDER = "produce_order"
LIST_TOOLS = "list_tools"
CHANGE_TOOL = "change_tool"
DOCK_TOOL = "dock_tool"
SET_TOOL_SERVICE = "set_tool_service"
RENEW_TOOL = "renew_tool"
QUESTIONS = "questions"
LIST_QUESTIONS = "list_questions"
ANSWER_QUESTION = "answer_question"
SET_DEVICE_SERVICE = "set_device_service"
ANNOUNCE_DELIVERY = "announce_delivery"
RECORD_STEP = "record_step"
"""Service microcell_interfaces/RecordStep of the orchestrator, for skill servers."""

ROTATE_JOURNAL = "rotate_journal"
"""Service std_srvs/Trigger of the orchestrator: earlier entries go to a file beside the journal."""

INSPECTIONS = "inspections"
INSPECTION_IMAGE = "inspection_image"
"""Latched topics microcell_interfaces/InspectionReport and sensor_msgs/Image of the node that hosts inspections."""

INSPECT = "inspect"
"""Service microcell_interfaces/InspectUnit of that node: inspect now, without an order."""

HEARTBEAT = "heartbeat"
"""Topic std_msgs/String of the orchestrator, twice a second: as long as it comes, somebody decides what moves."""

CLOCK = "/clock"
DIAGNOSTICS = "/diagnostics"


def execute_skill(server: str) -> str:
    """Action microcell_interfaces/ExecuteSkill of a skill server."""
    return f"{server}/execute_skill"


def describe_skills(server: str) -> str:
    """Service microcell_interfaces/DescribeSkills of a skill server."""
    return f"{server}/describe_skills"


# --- nodes of the mock hardware ------------------------------------------------------------------------------------------

HARDWARE = "hardware"
ARM_CONTROLLER = "arm_controller"
TOOLING = "tooling"
STATIONS = "stations"
CAMERAS = "cameras"

SCHEDULE_FAULT = f"{HARDWARE}/schedule_fault"
LIST_FAULTS = f"{HARDWARE}/list_faults"
"""Services microcell_interfaces/ScheduleFault and ListFaults, mock hardware only."""


# --- devices that speak as ros2_control and ros_gz_bridge do ---------------------------------------------------------------


def joint_trajectory(device: str) -> str:
    """Command topic trajectory_msgs/JointTrajectory of an arm or a gripper."""
    return f"{device}/joint_trajectory"


def joint_states(device: str) -> str:
    """Feedback topic sensor_msgs/JointState of an arm or a gripper."""
    return f"{device}/joint_states"


def fault(device: str) -> str:
    """Latched topic microcell_interfaces/Fault of an arm or a gripper: why it refused or broke off a trajectory."""
    return f"{device}/fault"


def wrench(device: str) -> str:
    """Topic geometry_msgs/WrenchStamped of a force sensor, in the flange frame."""
    return f"{device}/wrench"


def tare(device: str) -> str:
    """Service std_srvs/Trigger of a force sensor that can tare itself: its present load is zero from now on."""
    return f"{device}/tare"


def threshold(device: str) -> str:
    """Topic std_msgs/Float64 to a force sensor: when it presses with so much, N, stop the arm and report at once.

    Infinity disarms. A reflex that hardware may have; where nobody listens, contact is noticed at the next wrench and
    the arm is stopped by whoever waits for it, some milliseconds later.
    """
    return f"{device}/threshold"


def image(device: str) -> str:
    """Topic sensor_msgs/Image of a camera."""
    return f"{device}/image"


def depth_image(device: str) -> str:
    """Topic sensor_msgs/Image of distances along a camera's optical axis."""
    return f"{device}/depth_image"


def points(device: str) -> str:
    """Topic sensor_msgs/PointCloud2 of a camera, in its optical frame."""
    return f"{device}/points"


def camera_info(device: str) -> str:
    """Latched topic sensor_msgs/CameraInfo of a camera."""
    return f"{device}/camera_info"


# --- services of devices ---------------------------------------------------------------------------------------------------


def read(device: str) -> str:
    """Service std_srvs/Trigger: what a device's sensors say now; for the message's form see `convert.py`.

    Vacuum, screwdriver, dispenser, tool changer, tool crib, feeder, fixture, carton station, turner and bin have it.
    """
    return f"{device}/read"


def suction(device: str) -> str:
    """Service std_srvs/SetBool of a vacuum cup: pump on or off."""
    return f"{device}/suction"


def pressure(device: str) -> str:
    """Latched topic sensor_msgs/FluidPressure of a vacuum cup, absolute."""
    return f"{device}/pressure"


def lock(device: str) -> str:
    """Service std_srvs/SetBool of a tool changer: lock or unlock."""
    return f"{device}/lock"


def tool_serial(device: str) -> str:
    """Latched topic std_msgs/String of a tool changer: serial of the tool at the flange, empty without one."""
    return f"{device}/tool_serial"


def clamp(device: str) -> str:
    """Service std_srvs/SetBool of a fixture: clamp or release."""
    return f"{device}/clamp"


def clamped(device: str) -> str:
    """Latched topic std_msgs/Bool of a fixture."""
    return f"{device}/clamped"


def drive(device: str) -> str:
    """Service microcell_interfaces/DriveScrew of a screwdriver."""
    return f"{device}/drive"


def stop(device: str) -> str:
    """Service std_srvs/Trigger of a screwdriver: stop the bit."""
    return f"{device}/stop"


def dispense(device: str) -> str:
    """Service microcell_interfaces/Dispense of a dispenser: open or close the valve; it answers what the meter says."""
    return f"{device}/dispense"


def weld(device: str) -> str:
    """Service std_srvs/Trigger of a welding head: weld one spot."""
    return f"{device}/weld"


def press_program(device: str, program: str) -> str:
    """Service std_srvs/Trigger of a press: run a program that is stored in its controller."""
    return f"{device}/press/{program}"


def turn(device: str) -> str:
    """Service std_srvs/SetBool of a turner: upside down or not."""
    return f"{device}/turn"


def measure(device: str) -> str:
    """Service std_srvs/Trigger of a tester: close the contacts and measure."""
    return f"{device}/measure"


def present(device: str) -> str:
    """Service microcell_interfaces/PresentPart of a feeder."""
    return f"{device}/present"


def refill(device: str) -> str:
    """Service microcell_interfaces/RefillFeeder of a feeder."""
    return f"{device}/refill_feeder"


def set_up(device: str) -> str:
    """Service microcell_interfaces/SetUpStation of a feeder, a carton station or a printer."""
    return f"{device}/set_up"


def level(device: str) -> str:
    """Latched topic std_msgs/UInt32 of a feeder: pieces left."""
    return f"{device}/level"


def exchange(device: str) -> str:
    """Service std_srvs/Trigger of a carton station."""
    return f"{device}/exchange"


def print_label(device: str) -> str:
    """Service microcell_interfaces/PrintLabel of a printer."""
    return f"{device}/print_label"


def capture(device: str) -> str:
    """Service microcell_interfaces/CaptureImage of a camera that exposes on request."""
    return f"{device}/capture"


def emergency_stop(device: str, button: str) -> str:
    """Latched topic std_msgs/Bool of a safety controller: whether this button is pressed."""
    return f"{device}/emergency_stop/{button}"


def protective_stop(device: str, arm: str) -> str:
    """Latched topic std_msgs/Bool of a safety controller: whether this arm is in its protective stop."""
    return f"{device}/protective_stop/{arm}"


def press(topic: str) -> str:
    """Service std_srvs/SetBool, mock hardware only: press (true) or release what an emergency or protective stop tells."""
    return f"{topic}/press"


# --- joints and frames -----------------------------------------------------------------------------------------------------


def arm_joints(device: str, spec: ArmSpec) -> tuple[str, ...]:
    """Names of an arm's joints, base to tip: those that its parameter `joint_names` gives, or numbered ones."""
    told = tuple(spec.parameters.get("joint_names", ()))
    if told and len(told) != len(spec.joints):
        raise UsageError(f"arm '{device}': joint_names has {len(told)} names, the arm {len(spec.joints)} joints.")
    return told or tuple(f"{device}_joint_{number}" for number in range(1, len(spec.joints) + 1))


def finger_joints(tool: str) -> tuple[str, str]:
    """Names of a gripper's two finger joints; each one's position is half of the opening, m."""
    return f"{tool}_left_finger_joint", f"{tool}_right_finger_joint"


def sensor_frame(device: str) -> str:
    """Frame of a force sensor: that of the flange it is at, z out of it."""
    return f"{device}_frame"


def optical_frame(camera: str) -> str:
    """Optical frame of a camera: z into the scene (REP 103)."""
    return f"{camera}_optical_frame"
