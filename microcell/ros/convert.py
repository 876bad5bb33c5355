"""What devices take and give, to and from messages.

Two conventions of ours go beyond the standard types. Both are for std_srvs (Trigger, SetBool), whose answer is a flag and a
text:

- a success carries what the device's contract returns as JSON: a flag, a number, a list, or an object with the fields of
  the contract's dataclass (`answer_text`, `read_answer`);
- a failure carries the fault as "CODE: detail" (`fault_text`, `read_fault`), so that it arrives unchanged. A text that does
  not begin with a code of the catalogue comes from hardware that knows nothing of ours: DEVICE_REFUSED with the text.

Stamps are ROS time: `clock.epoch_s` more than cell time.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, fields, is_dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import Point, WrenchStamped
from geometry_msgs.msg import Pose as PoseMsg
from geometry_msgs.msg import Quaternion as QuaternionMsg
from sensor_msgs.msg import CameraInfo, Image
from sensor_msgs.msg import JointState as JointStateMsg
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory as JointTrajectoryMsg
from trajectory_msgs.msg import JointTrajectoryPoint

from microcell.description.cell import CameraSpec
from microcell.devices.arm.contract import JointState
from microcell.devices.force_sensor.contract import Wrench
from microcell.errors import UsageError
from microcell.events import canonical
from microcell.faults import CATALOGUE, Fault, FaultError
from microcell.geometry import Pose
from microcell.motion.trajectory import JointTrajectory
from microcell.ros.convert_skills import NANOSECONDS, stamp

if TYPE_CHECKING:
    import numpy as np

NORM_SLACK, ROUNDING = 0.01, 1e-9
"""A quaternion whose length is so far off is not taken for a turn; one that is a little off is made to be one."""

T = TypeVar("T")
Row = tuple[float, ...]


def seconds(time: Time | Duration) -> float:
    """A stamp or a duration in s."""
    return time.sec + time.nanosec / NANOSECONDS


# --- answers of std_srvs -------------------------------------------------------------------------------------------------


def answer_text(value: Any) -> str:
    """What a command returned, as the text of a success; nothing for None."""
    if value is None:
        return ""
    return canonical(asdict(value) if is_dataclass(value) and not isinstance(value, type) else value)


def read_answer(kind: type[T], text: str) -> T:
    """The text of a success as what the contract returns: bool, int, list of texts or one of its flat dataclasses.

    ValueError where it is anything else.
    """
    value = json.loads(text)
    if kind is list and isinstance(value, list) and not all(isinstance(entry, str) for entry in value):
        raise ValueError("a list of texts is expected")
    if not is_dataclass(kind):
        return _checked(kind.__name__, value, "the answer")
    names = [field.name for field in fields(kind)]
    if not isinstance(value, dict) or sorted(value) != sorted(names):
        raise ValueError(f"an object with {', '.join(names)} is expected")
    return kind(**{field.name: _checked(str(field.type), value[field.name], field.name) for field in fields(kind)})


def _checked(kind: str, value: Any, what: str) -> Any:
    accepted: Any = {"bool": bool, "int": int, "float": (int, float), "str": str, "list": list}[kind]
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind != "bool"):
        raise ValueError(f"{what} should be of type {kind}")
    return value


def fault_text(fault: Fault) -> str:
    """A fault as the text of a failure."""
    return f"{fault.code}: {fault.detail}"


def read_fault(device: str, text: str) -> FaultError:
    """The fault that the text of a failure tells of."""
    code, _, detail = text.partition(":")
    if code in CATALOGUE:
        return FaultError(code, device, detail.strip())
    return FaultError("DEVICE_REFUSED", device, text or "it failed and did not say why")


# --- poses, joints, forces -----------------------------------------------------------------------------------------------


def pose_message(pose: Pose) -> PoseMsg:
    """A pose; frames as the message's place says."""
    (x, y, z), (qx, qy, qz, qw) = pose.position, pose.orientation
    return PoseMsg(position=Point(x=x, y=y, z=z), orientation=QuaternionMsg(x=qx, y=qy, z=qz, w=qw))


def pose_of(message: PoseMsg) -> Pose:
    """A pose of a message."""
    p, q = message.position, message.orientation
    return Pose((p.x, p.y, p.z), (q.x, q.y, q.z, q.w))


def told_pose_of(message: PoseMsg) -> Pose:
    """A pose that hardware tells; `UsageError` where a number is none, or the quaternion is no turn."""
    pose = pose_of(message)
    norm = math.hypot(*pose.orientation)
    if not all(map(math.isfinite, (*pose.position, norm))) or abs(norm - 1.0) > NORM_SLACK:
        raise UsageError(f"a pose at {pose.position} with the quaternion {pose.orientation}")
    if abs(norm - 1.0) <= ROUNDING:
        return pose
    x, y, z, w = pose.orientation
    return Pose(pose.position, (x / norm, y / norm, z / norm, w / norm))


def trajectory_message(names: Sequence[str], trajectory: JointTrajectory) -> JointTrajectoryMsg:
    """A trajectory that starts when it arrives (its stamp is zero). Points less than a nanosecond apart count once."""
    message = JointTrajectoryMsg(joint_names=list(names))
    last = -1
    for time_s, positions, velocities in zip(trajectory.times_s, trajectory.positions, trajectory.velocities, strict=True):
        nanoseconds = round(time_s * NANOSECONDS)
        if nanoseconds == last:
            message.points.pop()
        last = nanoseconds
        message.points.append(
            JointTrajectoryPoint(positions=positions, velocities=velocities, time_from_start=_duration(nanoseconds))
        )
    return message


def trajectory_of(names: Sequence[str], message: JointTrajectoryMsg) -> JointTrajectory:
    """The trajectory of a message, its joints in the order of `names`. Points without velocities stand still there.

    `UsageError` where joints are missing or unknown, points do not fit them, or times do not rise.
    """
    order = _order(names, message.joint_names)
    if not message.points:
        raise UsageError("a trajectory without points")
    times = [seconds(point.time_from_start) for point in message.points]
    if times[0] < 0.0 or any(b <= a for a, b in pairwise(times)):
        raise UsageError(f"the times of a trajectory's points must rise from 0: {times}")
    rows = [_row(point.positions, order, "positions") for point in message.points]
    rates = [_row(point.velocities or [0.0] * len(order), order, "velocities") for point in message.points]
    return JointTrajectory(tuple(times), tuple(rows), tuple(rates))


def joint_state_message(
    names: Sequence[str], positions: Sequence[float], velocities: Sequence[float], time: Time, effort: Sequence[float] = ()
) -> JointStateMsg:
    """Joint positions in rad or m, velocities, and efforts in N.m or N."""
    return JointStateMsg(header=Header(stamp=time), name=list(names), position=positions, velocity=velocities, effort=effort)


def joint_state_of(names: Sequence[str], message: JointStateMsg, epoch_s: float) -> JointState:
    """The named joints of a message that may hold others too. A velocity that is not told is 0. `UsageError`."""
    positions, velocities, _ = joint_rows(names, message)
    return JointState(positions, velocities, seconds(message.header.stamp) - epoch_s)


def joint_rows(names: Sequence[str], message: JointStateMsg) -> tuple[Row, Row, Row]:
    """Positions, velocities and efforts of the named joints, in their order.

    Velocities and efforts may be left out, or be NaN, which is how ros2_control tells that hardware has no such interface:
    then they are 0. `UsageError` for a joint that is missing or has no position, and for rows of another length.
    """
    index = {name: number for number, name in enumerate(message.name)}
    missing = [name for name in names if name not in index]
    if missing or len(message.position) != len(message.name):
        raise UsageError(f"joint states without {', '.join(missing) or 'positions'}; they are of {list(message.name)}")
    order = [index[name] for name in names]
    positions = tuple(message.position[k] for k in order)
    rows = [_row_told(getattr(message, what), order, what, len(message.name)) for what in ("velocity", "effort")]
    for name, *told in zip(names, positions, *rows, strict=True):
        if not all(map(math.isfinite, told)):
            at, moving, pressing = told
            raise UsageError(f"joint states of {name} that are no numbers: {at:g}, velocity {moving:g}, effort {pressing:g}")
    return positions, rows[0], rows[1]


def _row_told(values: Sequence[float], order: Sequence[int], what: str, joints: int) -> Row:
    """What is told of joints, 0 where it is NaN; zeros where nothing is told of any."""
    if len(values) not in (0, joints):
        raise UsageError(f"joint states with {len(values)} of {what} for {joints} joints")
    return tuple(0.0 if not values or math.isnan(values[k]) else values[k] for k in order)


def wrench_message(frame: str, wrench: Wrench, epoch_s: float) -> WrenchStamped:
    """A wrench in a frame."""
    message = WrenchStamped(header=Header(frame_id=frame, stamp=stamp(epoch_s + wrench.time_s)))
    force, torque = message.wrench.force, message.wrench.torque
    force.x, force.y, force.z = wrench.force
    torque.x, torque.y, torque.z = wrench.torque
    return message


def wrench_of(message: WrenchStamped, epoch_s: float) -> Wrench:
    """The wrench of a message; `UsageError` where a number of it is none."""
    force, torque = message.wrench.force, message.wrench.torque
    told = (force.x, force.y, force.z), (torque.x, torque.y, torque.z)
    if not all(math.isfinite(number) for vector in told for number in vector):
        raise UsageError(f"a wrench of force {told[0]} and torque {told[1]}")
    return Wrench(*told, seconds(message.header.stamp) - epoch_s)


def _order(names: Sequence[str], given: Sequence[str]) -> list[int]:
    if sorted(names) != sorted(given):
        raise UsageError(f"a trajectory for the joints {list(given)}; this device has {list(names)}")
    return [list(given).index(name) for name in names]


def _row(values: Sequence[float], order: Sequence[int], what: str) -> tuple[float, ...]:
    if len(values) != len(order):
        raise UsageError(f"a point with {len(values)} {what} for {len(order)} joints")
    if not all(map(math.isfinite, values)):
        raise UsageError(f"a point with {what} that are no numbers: {list(values)}")
    return tuple(values[k] for k in order)


def _duration(nanoseconds: int) -> Duration:
    return Duration(sec=nanoseconds // NANOSECONDS, nanosec=nanoseconds % NANOSECONDS)


# --- images --------------------------------------------------------------------------------------------------------------

_ENCODINGS = {
    ("uint8", 2): "mono8", ("uint16", 2): "mono16", ("uint8", 3): "rgb8", ("uint16", 3): "rgb16", ("float32", 2): "32FC1",
}  # fmt: skip
"""By sample type and dimensions. What comes in is read by `convert_images`."""


def image_message(pixels: np.ndarray[Any, Any], frame: str, time: Time) -> Image:
    """A (height, width) or (height, width, 3) RGB image, uint8 or uint16, or (height, width) float32 depths, m."""
    import sys
    from array import array

    import numpy as np

    height, width = pixels.shape[:2]
    message = Image(
        header=Header(frame_id=frame, stamp=time), height=height, width=width,
        encoding=_ENCODINGS[pixels.dtype.name, pixels.ndim], step=pixels.nbytes // height,
        is_bigendian=sys.byteorder == "big",
    )  # fmt: skip
    # An array of bytes is taken over as it is; anything else is checked byte by byte in Python.
    message.data = array("B", np.ascontiguousarray(pixels).tobytes())
    return message


def camera_info_message(spec: CameraSpec, frame: str, time: Time) -> CameraInfo:
    """What a camera's description says of its image."""
    focal, (cx, cy) = spec.focal_px, spec.axis_px
    return CameraInfo(
        header=Header(frame_id=frame, stamp=time),
        height=spec.height_px,
        width=spec.width_px,
        distortion_model="plumb_bob",
        d=list(spec.distortion_ratios),
        k=[focal, 0.0, cx, 0.0, focal, cy, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[focal, 0.0, cx, 0.0, 0.0, focal, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
    )
