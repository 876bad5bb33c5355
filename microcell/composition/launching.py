"""A Blueprint as launch actions: the only module that imports launch and launch_ros."""

from __future__ import annotations

import os
import sys
import time

from launch.action import Action
from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchContext, LaunchDescription
from microcell.composition.blueprint import Blueprint, ProcessPlan
from microcell.composition.compose import compose
from microcell.composition.processes import (
    START_AGAIN,
    STARTED_BY,
    check_startable,
    environment,
    module_of,
    node_name,
    ros_parameters,
)
from microcell.composition.security import enclave_path
from microcell.composition.supervision import RestartPolicy, Restarts
from microcell.description.loader import load_line

STOP_S = "60"
"""How long a process may take to leave in an orderly way after Ctrl-C: a chain of operations in work ends first."""

RESTART_S = 2.0
"""Pause before a killed process is started again."""

ARGUMENTS = {
    "line": ("valve", "name of a shipped line, or the path of a line's YAML file"),
    "also": ("", "other lines of the cell, with commas between them"),
    "world": ("mock", "mock, gazebo or real"),
    "journal": ("", "file of the journal; default: out/<line>.journal"),
    "seed": ("0", "of the mock hardware's scatter"),
    "time_scale": ("", "speed of mock hardware against real time; default: the line's"),
    "namespace": ("", "default: the cell's name"),
    "headless": ("true", "world gazebo: without a window"),
}


def launch_cell(**defaults: str) -> LaunchDescription:
    """The launch description of a cell; `defaults` replaces defaults of the arguments."""
    declared = [
        DeclareLaunchArgument(name, default_value=defaults.get(name, default), description=text)
        for name, (default, text) in ARGUMENTS.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=_start)])


def actions(blueprint: Blueprint) -> list[Action]:
    """One launch_ros node action for each process.

    One that was killed is started again after a pause, within the bounds of `RestartPolicy`, and one that asks for it
    always; one that ends by itself otherwise stops the cell. When launch itself is killed, all of them leave in order.
    """
    return [_action(plan, blueprint) for plan in blueprint.processes]


def _start(context: LaunchContext) -> list[Action]:
    told = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    also = [name.strip() for name in told["also"].split(",") if name.strip()]
    blueprint = compose(
        load_line(told["line"], also),
        told["world"],
        line_path=told["line"],
        journal=told["journal"] or None,
        seed=int(told["seed"]),
        time_scale=float(told["time_scale"]) if told["time_scale"] else None,
        namespace=told["namespace"],
        also=also,
        headless=told["headless"].lower() not in ("false", "0", "no"),
    )
    check_startable(blueprint)
    return actions(blueprint)


def _action(plan: ProcessPlan, blueprint: Blueprint) -> Action:
    return Node(
        executable=sys.executable,
        arguments=["-m", module_of(plan)],
        exec_name=plan.name,
        name=node_name(plan),
        namespace=blueprint.namespace,
        parameters=[ros_parameters(plan)],
        ros_arguments=["--enclave", enclave_path(blueprint.namespace, plan.name)],
        additional_env={**environment(os.environ), STARTED_BY: str(os.getpid())},
        output="screen",
        emulate_tty=False,
        sigterm_timeout=STOP_S,
        respawn=True,
        respawn_delay=RESTART_S,
        on_exit=_Ends(plan.name),
    )


class _Ends:
    """Decides what the end of one process means."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._restarts = Restarts(RestartPolicy())

    def __call__(self, event: ProcessExited, context: LaunchContext) -> Action | None:
        if event.returncode == START_AGAIN:
            return None
        if event.returncode >= 0:
            return Shutdown(reason=f"{self._name} has ended")
        if self._restarts.pause_s(time.monotonic()) is None:
            policy = self._restarts.policy
            often = f"more than {policy.most} times in {policy.window_s:.0f} s"
            return Shutdown(reason=f"{self._name} was killed {often}: to start it again did not help")
        return None
