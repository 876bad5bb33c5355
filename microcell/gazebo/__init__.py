"""The cell in Gazebo: a world made from the same descriptions as the collision scene and the simulated plant."""
