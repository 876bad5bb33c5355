"""The simulated physics that mock devices act on. No ROS, no decisions."""
