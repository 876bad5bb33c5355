"""Who uses which of the names in `names.py`: the rights of the cell's processes and of the roles outside. No rclpy here.

What a node gains or loses in `names.py` it gains or loses here; a test compares this page with a running cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import cast

from microcell.composition.blueprint import Blueprint, DevicePlan, NodePlan
from microcell.composition.security import Access, Enclave, Profile, enclave_path
from microcell.ros import names

Name = Callable[[str], str]

ROSOUT, PARAMETER_EVENTS = "/rosout", "/parameter_events"

PARAMETER_SERVICES = (
    "describe_parameters", "get_parameter_types", "get_parameters", "list_parameters", "set_parameters",
    "set_parameters_atomically",
)  # fmt: skip
TYPE_SERVICE = "get_type_description"
"""Which every node answers, from Jazzy on."""

LIFECYCLE_SERVICES = (
    "change_state", "get_available_states", "get_available_transitions", "get_state", "get_transition_graph",
)  # fmt: skip
DRIVEN_SERVICES = ("change_state", "get_state")
"""Of a managed node, for the orchestrator."""


@dataclass(frozen=True)
class Wire:
    """What passes between a kind of device and its driver: commands and states as topics, and services."""

    commands: tuple[Name, ...] = ()
    states: tuple[Name, ...] = ()
    services: tuple[Name, ...] = ()
    shown: tuple[Name, ...] = ()
    """States for people and their programs; no driver of ours reads them."""


_JOINTS = Wire((names.joint_trajectory,), (names.joint_states, names.fault))
WIRES = {
    "arm": _JOINTS,
    "gripper": _JOINTS,
    "force_sensor": Wire((names.threshold,), (names.wrench,), (names.tare,)),
    "vacuum": Wire(services=(names.suction, names.read), shown=(names.pressure,)),
    "screwdriver": Wire(services=(names.drive, names.stop, names.read)),
    "tool_changer": Wire(services=(names.lock, names.read), shown=(names.tool_serial,)),
    "tool_crib": Wire(services=(names.read,)),
    "feeder": Wire(states=(names.level,), services=(names.present, names.refill, names.set_up, names.read)),
    "fixture": Wire(services=(names.clamp, names.read), shown=(names.clamped,)),
    "carton_station": Wire(services=(names.read, names.exchange, names.set_up)),
    "printer": Wire(services=(names.print_label, names.set_up)),
    "bin": Wire(services=(names.read,)),
    "dispenser": Wire(services=(names.dispense, names.read)),
    "welder": Wire(services=(names.weld,)),
    "press": Wire(),  # its services have a program in their names: see `_wire`
    "turner": Wire(services=(names.turn, names.read)),
    "tester": Wire(services=(names.measure,)),
    "safety": Wire(),  # its topics have a button or an arm in their names: see `_wire`
    "camera": Wire(  # without depth fewer: see `_wire`
        states=(names.image, names.camera_info, names.depth_image, names.points), services=(names.capture,)
    ),
}

HARDWARE_NODES = {
    "arm": names.ARM_CONTROLLER, "force_sensor": names.ARM_CONTROLLER,
    "gripper": names.TOOLING, "vacuum": names.TOOLING, "screwdriver": names.TOOLING,
    "dispenser": names.TOOLING, "welder": names.TOOLING,
    "tool_changer": names.TOOLING, "tool_crib": names.TOOLING,
    "feeder": names.STATIONS, "fixture": names.STATIONS, "carton_station": names.STATIONS,
    "printer": names.STATIONS, "bin": names.STATIONS, "safety": names.STATIONS,
    "press": names.STATIONS, "turner": names.STATIONS, "tester": names.STATIONS,
    "camera": names.CAMERAS,
}  # fmt: skip
"""The node of the mock hardware that shows a kind of device."""

CELL_TOPICS = (
    names.CELL_STATE, names.ORDERS, names.TOOL_STATES, names.PACKML_STATUS, names.EVENTS, names.FAULTS, names.QUESTIONS,
)  # fmt: skip
INSPECTION_TOPICS = (names.INSPECTIONS, names.INSPECTION_IMAGE)
INSPECTING = (names.INSPECT,)
"""Of the skill server that hosts inspections."""
READING = (names.LIST_ORDERS, names.LIST_TOOLS, names.LIST_QUESTIONS)
ORDERING = (names.SUBMIT_ORDER, names.UPDATE_ORDER, names.CONTROL_ORDER, names.ANNOUNCE_DELIVERY)
COMMANDING = (names.PACKML_COMMAND, names.SET_MODE, names.CHANGE_LINE, names.ANSWER_QUESTION, names.SET_DEVICE_SERVICE)
TOOLING = (
    names.CHANGE_TOOL, names.DOCK_TOOL, names.SET_TOOL_SERVICE, names.RENEW_TOOL,
)  # fmt: skip
KEEPING = (names.ROTATE_JOURNAL,)
CELL_SERVICES = (*READING, *ORDERING, *COMMANDING, *TOOLING, *KEEPING)
HARDWARE_SERVICES = (names.SCHEDULE_FAULT, names.LIST_FAULTS)
"""Of mock hardware; no real cell has them."""

CLIENT = "microcell_client"
"""Node of the command line's clients; it is in no namespace."""

ROLES = ("viewer", "operator", "maintenance", "integrator")


def enclaves(blueprint: Blueprint) -> tuple[Enclave, ...]:
    """The enclaves of a cell's processes, in bring-up order, then those of the roles."""
    rights = _Rights(blueprint)
    return (*rights.processes(), *rights.roles())


class _Rights:
    """The rights in one Blueprint."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint
        self._wires = {device.name: _wire(device) for device in blueprint.devices}
        self._mock = blueprint.world == "mock"
        self._servers = [node for node in blueprint.nodes if node.role == "skill_server"]

    def processes(self) -> list[Enclave]:
        """One for each process, and one for the drivers where hardware is not ours."""
        roles = {"hardware": self._hardware, "skill_server": self._skill_server, "orchestrator": self._orchestrator}
        found = [self._enclave(node.process, roles[node.role](node)) for node in self._blueprint.nodes]
        if not any(node.role == "hardware" for node in self._blueprint.nodes):
            drivers = [Profile(d.name, self._standard(d.name, True) | self._shows(d)) for d in self._blueprint.devices]
            found.insert(0, self._enclave(names.HARDWARE, drivers))
        return found

    def roles(self) -> list[Enclave]:
        """What people and their programs may do: see, order and command, look after tools, set up."""
        viewer = Access(
            publishes=frozenset({PARAMETER_EVENTS}),
            replies=self._full((f"/{CLIENT}/{TYPE_SERVICE}",)),
            subscribes=self._full((*CELL_TOPICS, *INSPECTION_TOPICS, names.HEARTBEAT)) | {names.DIAGNOSTICS},
            requests=self._full(READING),
        )
        operator = viewer | Access(
            requests=self._full((*ORDERING, *COMMANDING, *INSPECTING)) | self._refills(),
            calls=self._full((names.PRODUCE_ORDER,)),
        )
        kept = self._full((*COMMANDING, *TOOLING, *KEEPING, *INSPECTING))
        maintenance = viewer | Access(requests=kept | self._refills())
        integrator = operator | maintenance | self._everything_shown()
        given = zip(ROLES, (viewer, operator, maintenance, integrator), strict=True)
        return [self._enclave(f"roles/{role}", [Profile(CLIENT, access)]) for role, access in given]

    # processes

    def _hardware(self, node: NodePlan) -> list[Profile]:
        own = self._standard(node.name, True) | Access(publishes=frozenset({names.CLOCK}))
        faults = Access(replies=self._mock_services(), subscribes=self._full((names.EVENTS,)))
        found = {node.name: own | faults}
        for device in self._blueprint.devices:
            name = HARDWARE_NODES[device.kind]
            found[name] = found.get(name, self._standard(name, False)) | self._shows(device)
        return [Profile(name, access) for name, access in found.items()]

    def _skill_server(self, node: NodePlan) -> list[Profile]:
        own = Access(
            publishes=self._full((f"{node.name}/transition_event",)),
            subscribes=self._full((names.HEARTBEAT,)),
            replies=self._full((names.describe_skills(node.name), *_below(node.name, LIFECYCLE_SERVICES))),
            requests=self._full((names.RECORD_STEP,)),
            executes=self._full((names.execute_skill(node.name),)),
        )
        if "inspection" in node.hosts:
            own |= Access(publishes=self._full(INSPECTION_TOPICS), replies=self._full(INSPECTING))
        return self._with_drivers(node, own)

    def _orchestrator(self, node: NodePlan) -> list[Profile]:
        servers = [server.name for server in self._servers]
        own = Access(
            publishes=self._full((*CELL_TOPICS, names.HEARTBEAT)) | {names.DIAGNOSTICS},
            replies=self._full((*CELL_SERVICES, names.RECORD_STEP)),
            requests=self._full(name for s in servers for name in (names.describe_skills(s), *_below(s, DRIVEN_SERVICES))),
            executes=self._full((names.PRODUCE_ORDER,)),
            calls=self._full(names.execute_skill(server) for server in servers),
        )
        return self._with_drivers(node, own)

    def _with_drivers(self, node: NodePlan, own: Access) -> list[Profile]:
        """A node that hosts drivers: it commands and asks, and its second node listens (see `RosRuntime`)."""
        wires = [(name, self._wires[name]) for name in node.devices]
        commands = self._full(name(device) for device, wire in wires for name in wire.commands)
        asked = self._full(name(device) for device, wire in wires for name in wire.services)
        heard = self._full(name(device) for device, wire in wires for name in wire.states)
        clock = frozenset({names.CLOCK} if self._mock else ())
        access = self._standard(node.name, True) | own | Access(publishes=commands, requests=asked)
        second = f"{node.name}_listening"
        types = self._full(_below(second, (TYPE_SERVICE,)))
        listening = Access(publishes=frozenset({PARAMETER_EVENTS}), subscribes=heard | clock, replies=types)
        return [Profile(node.name, access), *([Profile(second, listening)] if heard | clock else [])]

    # parts

    def _shows(self, device: DevicePlan) -> Access:
        """What the hardware's side of a device says and hears."""
        wire = self._wires[device.name]
        return Access(
            publishes=self._full(name(device.name) for name in (*wire.states, *wire.shown)),
            subscribes=self._full(name(device.name) for name in wire.commands),
            replies=self._full(name(device.name) for name in wire.services),
        )

    def _everything_shown(self) -> Access:
        """For setting up: every device's states and questions, parameters and states of our nodes; no device commands."""
        wires = list(self._wires.items())
        seen = self._full(name(device) for device, wire in wires for name in (*wire.states, *wire.shown))
        nodes = [node.name for node in self._blueprint.nodes]
        asked = self._full(name for node in nodes for name in _below(node, PARAMETER_SERVICES))
        servers = [server.name for server in self._servers]
        managed = self._full(n for s in servers for n in (*_below(s, LIFECYCLE_SERVICES), names.describe_skills(s)))
        faults = self._mock_services() if self._mock else frozenset()
        heard = frozenset({ROSOUT, PARAMETER_EVENTS, *({names.CLOCK} if self._mock else ())})
        return Access(subscribes=seen | heard, requests=asked | managed | faults)

    def _refills(self) -> frozenset[str]:
        """The services of feeders that tell them of a refill."""
        return self._full(names.refill(device) for device, wire in self._wires.items() if names.refill in wire.services)

    def _mock_services(self) -> frozenset[str]:
        """Services of simulated hardware only: faults to order, stops to press."""
        safety = {device.name for device in self._blueprint.devices if device.kind == "safety"}
        stops = [name(device) for device in safety for name in self._wires[device].states]
        return self._full((*HARDWARE_SERVICES, *map(names.press, stops)))

    def _standard(self, node: str, parameters: bool) -> Access:
        """What every node of rclpy has; the answering of parameter services where they are started."""
        services = (TYPE_SERVICE, *(PARAMETER_SERVICES if parameters else ()))
        return Access(publishes=frozenset({ROSOUT, PARAMETER_EVENTS}), replies=self._full(_below(node, services)))

    def _enclave(self, process: str, profiles: Iterable[Profile]) -> Enclave:
        return Enclave(enclave_path(self._blueprint.namespace, process), tuple(profiles))

    def _full(self, relative: Iterable[str]) -> frozenset[str]:
        """Names with the cell's namespace; absolute ones as they are."""
        return frozenset(n if n.startswith("/") else f"/{self._blueprint.namespace.strip('/')}/{n}" for n in relative)


def _wire(device: DevicePlan) -> Wire:
    """What passes between a device and its driver: of a safety controller a topic for each source, of a press a service for
    each program.
    """
    if device.kind == "press":
        programs = cast("list[str]", device.parameters["programs"])
        return Wire(services=tuple(partial(names.press_program, program=program) for program in programs))
    if device.kind == "camera":
        usual = WIRES["camera"]
        absent = {
            *((names.depth_image,) if not _shows(device, "depth_image", True) else ()),
            *((names.points,) if not _shows(device, "points", False) else ()),
        }
        return Wire(states=tuple(name for name in usual.states if name not in absent), services=usual.services)
    if device.kind != "safety":
        return WIRES[device.kind]
    buttons, arms = (cast("list[str]", device.parameters[key]) for key in ("buttons", "arms"))
    pressed = (partial(names.emergency_stop, button=button) for button in buttons)
    return Wire(states=(*pressed, *(partial(names.protective_stop, arm=arm) for arm in arms)))


def _shows(camera: DevicePlan, what: str, usually: bool) -> bool:
    """Whether a camera with depth shows this beside its image."""
    return bool(camera.parameters.get("depth") and camera.parameters.get(what, usually))


def _below(node: str, services: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{node}/{service}" for service in services)
