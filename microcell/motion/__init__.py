"""Robot model, inverse kinematics and trajectories: pure functions, no I/O."""
