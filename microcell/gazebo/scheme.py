"""Names in the simulated world: models, links, and topics. Gazebo's topics are called as ROS calls them.

The ROS drivers speak to some devices directly through the bridge (arms, force sensors, cameras); the rest is served by
the executable `stage`, which moves the world by the topics and services named here.
"""

from __future__ import annotations

COUPLING_LINK = "coupling"
"""Link of an arm that tools are coupled to; its frame is the flange's."""

RACK_LINK = "rack"
PART_LINK = "part"
STATION_LINK = "body"
CAMERA_LINK = "camera"

JOINT_STATE_HZ = 100.0

TRUE_POSES = "gazebo/poses"
"""Topic geometry_msgs/TransformStamped: where tools and parts are, for the program that plays the stations' hardware."""

POSES_HZ = 4.0


def topic(namespace: str, name: str) -> str:
    """A name of the ROS face as a full topic, the same in Gazebo."""
    return f"/{namespace.strip('/')}/{name}" if not name.startswith("/") else name


def released(holder: str) -> str:
    """Topic std_msgs/Empty: whatever this model holds by a detachable joint, it lets go of."""
    return f"{holder}/release"


def finger_command(tool: str) -> str:
    """Topic trajectory_msgs/JointTrajectory of a gripper's fingers in the world."""
    return f"{tool}/fingers/joint_trajectory"


def finger_states(tool: str) -> str:
    """Topic sensor_msgs/JointState of a gripper's fingers in the world."""
    return f"{tool}/fingers/joint_states"


def bit_command(tool: str) -> str:
    """Topic std_msgs/Float64: speed of a screwdriver's bit, rad/s."""
    return f"{tool}/bit/speed"


def bit_states(tool: str) -> str:
    """Topic sensor_msgs/JointState of a screwdriver's bit."""
    return f"{tool}/bit/joint_states"


def service(world: str, what: str) -> str:
    """A service of Gazebo's world: create, remove, set_pose, control, scene/info, entity/system/add."""
    return f"/world/{world}/{what}"


def item_model(item_id: int) -> str:
    """Model of a piece; ids are the plant's."""
    return f"item_{item_id}"
