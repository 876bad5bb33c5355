"""gripper: contract and drivers."""
