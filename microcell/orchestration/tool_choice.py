"""Which arm a person means who asks for a tool, and why it cannot be had now; in words that say what to do."""

from __future__ import annotations

from collections.abc import Iterable

from microcell.errors import UsageError
from microcell.orchestration.packml import State
from microcell.orchestration.shop import Shop


def check_tool(shop: Shop, tool: str) -> None:
    """`UsageError` for a tool to which no pocket belongs."""
    if tool not in shop.tools.places:
        raise UsageError(f"no pocket belongs to a tool '{tool}'; there are: {', '.join(shop.tools.places) or 'none'}.")


def check_arm(arms: Iterable[str], arm: str) -> None:
    """`UsageError` for an arm that is not there."""
    if arm not in arms:
        raise UsageError(f"no arm '{arm}'; there are: {', '.join(arms)}.")


def arm_to_fetch(shop: Shop, arms: Iterable[str], arm: str, tool: str) -> str:
    """The arm that is to fetch a tool; `UsageError` where that one cannot, or where there is a choice to make."""
    if arm:
        check_arm(arms, arm)
    able = [name for name in arms if tool in _fetched_by(shop, name)]
    if arm in able or (not arm and len(able) == 1):
        return arm or able[0]
    crib = shop.tools.places[tool][0]
    if not able:
        raise UsageError(f"no arm can fetch {tool} from {crib}. See `works_at` and the couplings in the cell's file.")
    if not arm:
        raise UsageError(f"{', '.join(able)} can fetch {tool}. Name one of them.")
    if shop.resources.suitability.works_at(arm, crib):
        why = f"the coupling of {arm} does not fit {tool}"
    else:
        why = f"{arm} does not work at {crib}, where {tool} belongs"
    choice = ", ".join(_fetched_by(shop, arm)) or "none"
    raise UsageError(f"{why}. Ask for it with {' or '.join(able)}, or for one of: {choice}.")


def check_same_crib(shop: Shop, arm: str, tool: str) -> None:
    """`UsageError` where the mounted tool has to go into another crib first, which a change by hand does not do."""
    mounted = shop.resources.mounted.get(arm, "")
    here, there = (shop.resources.suitability.crib_of(name) for name in (mounted, tool))
    if here and here != there:
        raise UsageError(f"{mounted} on {arm} belongs to {here}, {tool} is in {there}. Dock {mounted} first.")


def arm_to_dock(shop: Shop, arms: Iterable[str], arm: str) -> str:
    """The arm whose tool is to be put away; `UsageError` where there is a choice to make."""
    if arm:
        check_arm(arms, arm)
        return arm
    every = list(arms)
    mounted = [name for name in every if shop.resources.mounted.get(name)]
    if len(every) == 1 or len(mounted) == 1:
        return (mounted or every)[0]
    if not mounted:
        raise UsageError(f"no arm holds a tool that is known. Name the arm: {', '.join(every)}.")
    held = ", ".join(f"{name} holds {shop.resources.mounted[name]}" for name in mounted)
    raise UsageError(f"which tool is to be docked? {held}. Name one of the arms.")


def check_free(shop: Shop, state: State, arm: str, devices: Iterable[str]) -> None:
    """`UsageError` for a device or a zone that an arm cannot have now, with what frees it."""
    held = shop.resources
    for device in devices:
        holder, others = held.holders.get(device), sorted(held.inside.get(device, set()) - {arm})
        if holder and state is not State.EXECUTE and not _is_by_hand(holder):
            raise UsageError(
                f"'{device}' is leased by {holder}, which keeps it while the cell is in {state.title}. Let the cell go on "
                "until that is done, then ask again."
            )
        if holder:
            raise UsageError(f"'{device}' is leased by {holder}. Wait for that, or hold the cell, and ask again.")
        if device in held.resuming:
            raise UsageError(f"'{device}' is kept for work that was interrupted. Let the cell go on, then ask again.")
        if device in held.out_of_service:
            raise UsageError(f"'{device}' is out of service. Put it back into service and ask again.")
        if others:
            raise UsageError(
                f"{' and '.join(others)} may be in the zone '{device}' and leaves it in Execute. Ask again then."
            )


def _is_by_hand(holder: str) -> bool:
    """Whether a lease is for work that a person asked for, which goes on whatever the cell's state."""
    return holder.partition("/")[2].startswith(("mount_", "dock_"))


def _fetched_by(shop: Shop, arm: str) -> dict[str, str]:
    return dict(shop.resources.suitability.tools_for(arm, {}))
