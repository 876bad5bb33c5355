"""Names in the simulated world: models, links, and topics. Gazebo's topics are called as ROS calls them.

The ROS drivers speak to some devices directly through the bridge (arms, force sensors, cameras); the rest is served by
the executable `gazebo`, which moves the world by the topics and services named here.
"""

from __future__ import annotations

COUPLING_LINK = "coupling"
"""Link of an arm that tools are coupled to; its frame is the flange's."""

RACK_LINK = "rack"
PART_LINK = "part"
STATION_LINK = "body"
CAMERA_LINK = "camera"

POSES_HZ = 5
"""How often, in real time, the world tells where everything is that is not static."""

STATE_PERIOD_S, CLOCK_PERIOD_S = 0.01, 0.02
"""Cell time between the joint states and ticks of the clock that are passed on to the cell."""

CLOCK_HEARD = "gazebo/clock"
"""Topic rosgraph_msgs/Clock with a tick for each physics step: too many for every process of the cell."""

HOLDS = "gazebo/holds"
"""Topic std_msgs/String: `attached` or `detached`, each time that this has come about with any joint that holds."""

SCENE_CAMERA = "gazebo/scene"
"""A camera that overlooks the cell, for people: rendered only while somebody listens to its image."""


def topic(namespace: str, name: str) -> str:
    """A name of the ROS face as a full topic, the same in Gazebo."""
    return f"/{namespace.strip('/')}/{name}" if not name.startswith("/") else name


def released(holder: str, held: str) -> str:
    """Gazebo's topic gz.msgs.Empty: this model lets go of that one, which it holds by a detachable joint."""
    return f"{holder}/{held}/release"


def finger_command(tool: str) -> str:
    """Topic trajectory_msgs/JointTrajectory of a gripper's fingers in the world."""
    return f"{tool}/fingers/joint_trajectory"


def bit_command(tool: str) -> str:
    """Topic std_msgs/Float64: speed of a screwdriver's bit, rad/s."""
    return f"{tool}/bit/speed"


def states_heard(arm: str) -> str:
    """Topic sensor_msgs/JointState of an arm at each physics step; `<arm>/joint_states` has some of them."""
    return f"gazebo/{arm}/joint_states"


def wrench_felt(sensor: str) -> str:
    """Topic geometry_msgs/WrenchStamped: what the world's force sensor measures, inertia of the tool and all."""
    return f"gazebo/{sensor}/wrench"


def contacts_felt(arm: str) -> str:
    """Topic ros_gz_interfaces/Contacts: told only while the arm touches a station or another arm."""
    return f"gazebo/{arm}/contacts"


def trigger(camera: str) -> str:
    """Topic std_msgs/Bool: the camera exposes one image."""
    return f"{camera}/trigger"


def service(world: str, what: str) -> str:
    """A service of Gazebo's world: create, remove, set_pose, control, scene/info, entity/system/add."""
    return f"/world/{world}/{what}"


def item_model(item_id: int) -> str:
    """Model of a piece; ids are the plant's."""
    return f"item_{item_id}"
