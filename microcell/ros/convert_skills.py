"""Skill goals, results and faults to and from their messages, without loss.

Times: `Fault.time_s` is cell time, `Fault.stamp` is Unix time; `epoch_s` (the Unix time of cell time 0) leads from one to
the other. A stamp of zero is "not known".
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import yaml
from builtin_interfaces.msg import Duration, Time

from microcell.errors import UsageError
from microcell.events import canonical
from microcell.faults import CATALOGUE, Fault
from microcell.measurement import Measurement
from microcell.ros.bounded import MAX_YAML_DEPTH, MAX_YAML_TEXT, too_long
from microcell.skills.contract import Feedback, Lease, Outcome, PartUse, SkillGoal, SkillResult
from microcell.skills.report_data import report_data, report_of
from microcell_interfaces.action import ExecuteSkill
from microcell_interfaces.msg import Fault as FaultMsg
from microcell_interfaces.msg import Measurement as MeasurementMsg
from microcell_interfaces.msg import Parameter, ResourceLease

NANOSECONDS = 1_000_000_000
LAST_NANOSECONDS = 2**31 * NANOSECONDS - 1
"""The last that a stamp can say: its seconds have 32 bits."""


def stamp(unix_s: float | None) -> Time:
    """Unix time as a stamp; None is zero, and what a stamp cannot say the nearest that it can."""
    nanoseconds = min(max(0, round((unix_s or 0.0) * NANOSECONDS)), LAST_NANOSECONDS)
    return Time(sec=nanoseconds // NANOSECONDS, nanosec=nanoseconds % NANOSECONDS)


def unix_s(time: Time) -> float | None:
    """A stamp as Unix time; zero is None."""
    return time.sec + time.nanosec / NANOSECONDS if time.sec or time.nanosec else None


# --- goals -----------------------------------------------------------------------------------------------------------


SETTLE = "?"
"""Before an attempt's id: the goal does not run it, but asks how the attempt ended (`SkillPort.settle`)."""


def settle_message(goal: SkillGoal) -> ExecuteSkill.Goal:
    """The question, as a goal for the action, how an attempt ended."""
    return goal_message(replace(goal, attempt_id=SETTLE + goal.attempt_id))


def asked_to_settle(goal: SkillGoal) -> SkillGoal | None:
    """The goal that is asked about; None for one that is to be run."""
    if not goal.attempt_id.startswith(SETTLE):
        return None
    return replace(goal, attempt_id=goal.attempt_id.removeprefix(SETTLE))


def goal_message(goal: SkillGoal) -> ExecuteSkill.Goal:
    """A goal for the action."""
    lease = goal.lease
    return ExecuteSkill.Goal(
        skill=goal.skill,
        unit=goal.unit,
        product=goal.product,
        variant=goal.variant,
        operation=goal.operation,
        parameters=[_parameter_message(name, value) for name, value in goal.parameters.items()],
        lease=ResourceLease(
            holder=lease.holder,
            kinds=list(lease.resources.keys()),
            resources=list(lease.resources.values()),
            epoch=lease.epoch,
            mounted_known=lease.mounted is not None,
            mounted=lease.mounted or "",
        ),
        attempt_id=goal.attempt_id,
    )


def goal_of(message: ExecuteSkill.Goal) -> SkillGoal:
    """The goal that a message asks for; `UsageError` with everything that is wrong with its form."""
    if long := too_long(message, MAX_YAML_TEXT):
        raise UsageError(long[0])
    problems: list[str] = []
    if not message.attempt_id:
        problems.append("attempt_id is empty: give each attempt its own")
    lease = message.lease
    if len(lease.kinds) != len(lease.resources):
        problems.append(f"the lease names {len(lease.kinds)} kinds for {len(lease.resources)} resources: one each")
    if twice := _twice(lease.kinds):
        problems.append(f"the lease names the kind '{twice}' twice")
    parameters = _parameters_of(message.parameters, problems)
    if problems:
        raise UsageError("; ".join(problems))
    return SkillGoal(
        skill=message.skill,
        unit=message.unit,
        variant=message.variant,
        operation=message.operation,
        attempt_id=message.attempt_id,
        parameters=parameters,
        lease=Lease(
            holder=lease.holder,
            resources=dict(zip(lease.kinds, lease.resources, strict=True)),
            epoch=lease.epoch,
            mounted=lease.mounted if lease.mounted_known else None,
        ),
        product=message.product,
    )


def _parameter_message(name: str, value: object) -> Parameter:
    if isinstance(value, bool):
        return Parameter(name=name, type=Parameter.TYPE_BOOL, bool_value=value)
    if isinstance(value, int):
        return Parameter(name=name, type=Parameter.TYPE_INTEGER, integer_value=value)
    if isinstance(value, float):
        return Parameter(name=name, type=Parameter.TYPE_DOUBLE, double_value=value)
    if isinstance(value, str):
        return Parameter(name=name, type=Parameter.TYPE_STRING, string_value=value)
    if isinstance(value, (Mapping, Sequence)) or value is None:
        text = yaml.safe_dump(_plain(value), default_flow_style=True, width=math.inf)
        return Parameter(name=name, type=Parameter.TYPE_YAML, string_value=text)
    raise UsageError(f"parameter '{name}' is a {type(value).__name__}, which no message can carry")


def _plain(value: Any) -> Any:
    """YAML's own types: tuples as lists, whatever mapping as a dictionary."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _parameters_of(messages: Sequence[Parameter], problems: list[str]) -> dict[str, Any]:
    if twice := _twice([message.name for message in messages]):
        problems.append(f"the parameter '{twice}' is given twice")
    values: dict[str, Any] = {}
    for message in messages:
        try:
            values[message.name] = _value_of(message)
        except (UsageError, yaml.YAMLError, RecursionError, ValueError) as error:
            problems.append(f"the parameter '{message.name}': {' '.join(str(error).split())}")
    return values


def _value_of(message: Parameter) -> Any:
    fields = {
        Parameter.TYPE_BOOL: "bool_value",
        Parameter.TYPE_INTEGER: "integer_value",
        Parameter.TYPE_DOUBLE: "double_value",
        Parameter.TYPE_STRING: "string_value",
        Parameter.TYPE_YAML: "string_value",
    }
    if message.type not in fields:
        raise UsageError(f"type {message.type} is not one of 1 (bool) to 5 (YAML), see Parameter.msg")
    value = getattr(message, fields[message.type])
    return _plain_data(value) if message.type == Parameter.TYPE_YAML else value


def _plain_data(text: str) -> Any:
    """Data of a YAML parameter, which comes from another process: of bounded size and depth, without aliases."""
    if len(text) > MAX_YAML_TEXT:
        raise UsageError(f"{len(text)} characters of YAML are too many, {MAX_YAML_TEXT} are allowed")
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > MAX_YAML_DEPTH:
            raise UsageError(f"YAML with aliases, or nested deeper than {MAX_YAML_DEPTH} levels, is not allowed")
    return yaml.safe_load(text)


def _twice(names: Sequence[str]) -> str:
    """The first name that is there twice, or ""."""
    return next((name for index, name in enumerate(names) if name in names[:index]), "")


# --- results ---------------------------------------------------------------------------------------------------------


def result_message(result: SkillResult, epoch_s: float) -> ExecuteSkill.Result:
    """A result for the action."""
    nanoseconds = max(0, round(result.duration_s * NANOSECONDS))
    facts = {
        "carton": result.carton,
        "failed_checks": result.failed_checks,
        "image_sha256": result.image_sha256,
        "inspection": report_data(result.inspection, whole=True) if result.inspection else None,
        "motion_s": result.motion_s,
        "parts": [[use.part, use.lot] for use in result.parts],
        "thrown_away": result.thrown_away,
        "tool_serial": result.tool_serial,
    }
    return ExecuteSkill.Result(
        outcome=int(result.outcome),
        fault_code=result.fault.code if result.fault else "",
        message=result.message,
        disposition=result.disposition,
        fault=fault_message(result.fault, epoch_s),
        measurements=[measurement_message(measurement) for measurement in result.measurements],
        duration=Duration(sec=nanoseconds // NANOSECONDS, nanosec=nanoseconds % NANOSECONDS),
        data_json=canonical(facts),
    )


def result_of(message: ExecuteSkill.Result, epoch_s: float) -> SkillResult:
    """The result that a message tells; `UsageError` where a server of another release sent what this one cannot read."""
    try:
        facts = json.loads(message.data_json or "{}")
        return SkillResult(
            outcome=Outcome(message.outcome),
            message=message.message,
            fault=fault_of(message.fault, epoch_s),
            disposition=message.disposition,
            measurements=tuple(measurement_of(measurement) for measurement in message.measurements),
            failed_checks=tuple(facts.get("failed_checks", ())),
            duration_s=message.duration.sec + message.duration.nanosec / NANOSECONDS,
            parts=tuple(PartUse(part, lot) for part, lot in facts.get("parts", ())),
            thrown_away=bool(facts.get("thrown_away", False)),
            tool_serial=facts.get("tool_serial", ""),
            carton=facts.get("carton", ""),
            image_sha256=facts.get("image_sha256", ""),
            motion_s=float(facts.get("motion_s", 0.0)),
            inspection=report_of(facts["inspection"]) if facts.get("inspection") else None,
        )
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise UsageError(f"the skill server sent a result that cannot be read: {error}") from error


def feedback_message(feedback: Feedback) -> ExecuteSkill.Feedback:
    return ExecuteSkill.Feedback(phase=feedback.phase, progress=feedback.progress, message=feedback.message)


def feedback_of(message: ExecuteSkill.Feedback) -> Feedback:
    return Feedback(message.phase, message.progress, message.message)


def fault_message(fault: Fault | None, epoch_s: float) -> FaultMsg:
    """A fault with its meaning from the catalogue; None is the empty message."""
    if fault is None:
        return FaultMsg()
    kind = fault.kind
    return FaultMsg(
        code=fault.code,
        cause=kind.cause,
        where=fault.where,
        remedy=kind.remedy,
        actor=kind.actor.value,
        recoverable=kind.recoverable,
        detail=fault.detail,
        stamp=stamp(None if fault.time_s is None else epoch_s + fault.time_s),
        unit=fault.unit,
        operation=fault.operation,
    )


def fault_of(message: FaultMsg, epoch_s: float) -> Fault | None:
    """The fault of a message, None for the empty one; a code that is not in the catalogue is a ValueError."""
    if not message.code:
        return None
    if message.code not in CATALOGUE:
        raise ValueError(f"'{message.code}' is not in the fault catalogue")
    seen_s = unix_s(message.stamp)
    time_s = None if seen_s is None else seen_s - epoch_s
    return Fault(message.code, message.where, message.detail, message.unit, message.operation, time_s)


def measurement_message(measurement: Measurement) -> MeasurementMsg:
    """A measurement; what is not known is an infinite limit or a NaN, as Measurement.msg says."""
    return MeasurementMsg(
        name=measurement.name,
        value=float(measurement.value),
        text=measurement.text,
        unit=measurement.unit,
        lower_limit=-math.inf if measurement.lower is None else float(measurement.lower),
        upper_limit=math.inf if measurement.upper is None else float(measurement.upper),
        within_limits=bool(measurement.within_limits),
        uncertainty=math.nan if measurement.uncertainty is None else float(measurement.uncertainty),
        source=measurement.source,
    )


def measurement_of(message: MeasurementMsg) -> Measurement:
    return Measurement(
        name=message.name,
        value=message.value,
        unit=message.unit,
        lower=None if message.lower_limit == -math.inf else message.lower_limit,
        upper=None if message.upper_limit == math.inf else message.upper_limit,
        text=message.text,
        uncertainty=None if math.isnan(message.uncertainty) else message.uncertainty,
        source=message.source,
    )
