"""What the drivers of arms and grippers share: a controller that takes joint trajectories and tells joint states.

Topics: `<name>/joint_trajectory` (out), `<name>/joint_states` (in), and, where the controller has it, the latched
`<name>/fault` (microcell_interfaces/Fault). Joint states of which several publishers have their part on one topic, as on
/joint_states, are told apart by the joints' names.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TypeVar

from sensor_msgs.msg import JointState as JointStateMsg
from trajectory_msgs.msg import JointTrajectory as JointTrajectoryMsg

from microcell.errors import UsageError
from microcell.faults import FaultError
from microcell.ros import convert, names, qos
from microcell.ros.driver import RosDevice
from microcell_interfaces.msg import Fault

T = TypeVar("T")


class JointDriver(RosDevice):
    """Base of drivers that command joints and hear of them."""

    @property
    @abstractmethod
    def joint_names(self) -> tuple[str, ...]:
        """As the controller knows the joints, in our order."""

    def _open(self) -> None:
        ours = frozenset(self.joint_names)
        # Before the states: what is heard of both is looked at in this order, and a refusal comes before the rest.
        self._faults = self._inbox(Fault, names.fault(self.name), qos.latched(), needed=False)
        self._commands = self._publisher(JointTrajectoryMsg, names.joint_trajectory(self.name), qos.COMMAND)
        self._states = self._inbox(
            JointStateMsg, names.joint_states(self.name), qos.FEEDBACK, ours=lambda told: not ours.isdisjoint(told.name)
        )

    async def _present(self, age_s: float, read: Callable[[JointStateMsg], T]) -> T:
        """What `read` makes of the newest joint states, or of the next where they are older (in real time).

        DEVICE_SILENT; DEVICE_MALFORMED where only states of others' joints have ever come.
        """
        if self._states.newest is not None and self._states.age_s < age_s:
            return read(self._states.newest)
        try:
            return await self._first(self._states, read, self._limit_s(0.0), "no joint states")
        except FaultError:
            if self._states.newest is None and self._states.others is not None:
                self._rows(self._states.others)
            raise

    def _rows(self, message: JointStateMsg) -> tuple[convert.Row, convert.Row, convert.Row]:
        """Positions, velocities and efforts of our joints; DEVICE_MALFORMED."""
        try:
            return convert.joint_rows(self.joint_names, message)
        except UsageError as error:
            raise FaultError("DEVICE_MALFORMED", self.name, str(error)) from error
