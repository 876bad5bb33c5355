"""A Blueprint as text for people."""

from __future__ import annotations

from microcell.composition.blueprint import Blueprint, NodePlan, ProcessPlan


def describe(blueprint: Blueprint) -> str:
    """Processes in bring-up order with their parameters, nodes and devices; then every device with its driver."""
    where = f", names under /{blueprint.namespace}" if blueprint.nodes else ""
    lines = [f"line {blueprint.line} in cell {blueprint.cell}, world {blueprint.world}{where}", ""]
    count = len(blueprint.processes)
    lines.append(f"{count} process{'' if count == 1 else 'es'}, in this order:")
    for process in blueprint.processes:
        lines += _process(process, [node for node in blueprint.nodes if node.process == process.name])
    lines += ["", f"{len(blueprint.devices)} devices:"]
    width = max(len(device.name) for device in blueprint.devices)
    lines += [f"  {device.name:<{width}}  {device.driver}" for device in blueprint.devices]
    return "\n".join(lines)


def _process(process: ProcessPlan, nodes: list[NodePlan]) -> list[str]:
    after = f"  (after {', '.join(process.after)})" if process.after else ""
    told = {key: value for key, value in process.parameters.items() if key not in ("families", "devices")}
    lines = [f"  {process.name}: {process.executable}{after}"]
    lines.append("    told:    " + ", ".join(f"{key}={_value(value)}" for key, value in told.items()))
    for node in nodes:
        if node.hosts:
            lines.append(f"    skills:  {', '.join(node.hosts)}")
        if node.devices:
            lines.append(f"    devices: {', '.join(node.devices)}")
    return lines


def _value(value: object) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
