"""ROS plumbing: names, QoS, conversions, node bases."""
