"""The PackML state model as the standard has it (ISA-TR88.00.02, OPC 30050), written down by hand as expectations."""

STATE_NUMBERS = {
    "Clearing": 1, "Stopped": 2, "Starting": 3, "Idle": 4, "Suspended": 5, "Execute": 6, "Stopping": 7, "Aborting": 8,
    "Aborted": 9, "Holding": 10, "Held": 11, "Unholding": 12, "Suspending": 13, "Unsuspending": 14, "Resetting": 15,
    "Completing": 16, "Complete": 17,
}  # fmt: skip

MODE_NUMBERS = {"Production": 1, "Maintenance": 2, "Manual": 3}
"""The nodeset's ProductionMaintenanceModeEnum calls the first one Produce."""

COMMANDS = ("Reset", "Start", "Stop", "Hold", "Unhold", "Suspend", "Unsuspend", "Abort", "Clear", "Complete")
"""In the order of their numbers, from 1; the nodeset calls the last one ToComplete."""

_TABLE = """
    Stopped      Reset      Resetting
    Complete     Reset      Resetting
    Idle         Start      Starting
    Execute      Complete   Completing
    Execute      Suspend    Suspending
    Suspended    Unsuspend  Unsuspending
    Held         Unhold     Unholding
    Aborted      Clear      Clearing

    Execute      Hold       Holding
    Starting     Hold       Holding
    Unholding    Hold       Holding
    Suspending   Hold       Holding
    Suspended    Hold       Holding
    Unsuspending Hold       Holding

    Resetting    Stop       Stopping
    Idle         Stop       Stopping
    Starting     Stop       Stopping
    Execute      Stop       Stopping
    Holding      Stop       Stopping
    Held         Stop       Stopping
    Unholding    Stop       Stopping
    Suspending   Stop       Stopping
    Suspended    Stop       Stopping
    Unsuspending Stop       Stopping
    Completing   Stop       Stopping
    Complete     Stop       Stopping

    Resetting    Abort      Aborting
    Idle         Abort      Aborting
    Starting     Abort      Aborting
    Execute      Abort      Aborting
    Holding      Abort      Aborting
    Held         Abort      Aborting
    Unholding    Abort      Aborting
    Suspending   Abort      Aborting
    Suspended    Abort      Aborting
    Unsuspending Abort      Aborting
    Completing   Abort      Aborting
    Complete     Abort      Aborting
    Stopping     Abort      Aborting
    Stopped      Abort      Aborting
    Clearing     Abort      Aborting

    Resetting    -          Idle
    Starting     -          Execute
    Holding      -          Held
    Unholding    -          Execute
    Suspending   -          Suspended
    Unsuspending -          Execute
    Completing   -          Complete
    Stopping     -          Stopped
    Clearing     -          Stopped
    Aborting     -          Aborted
"""

TRANSITIONS: dict[tuple[str, str], str] = {
    (start, "" if command == "-" else command): end
    for start, command, end in (line.split() for line in _TABLE.splitlines() if line.strip())
}
"""What follows in a state on a command, or on the end ("") of an acting state: 41 and 10."""
