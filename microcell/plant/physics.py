"""Numbers of the simulated physics, in one place.

They are plausible for light bench-top assembly and chosen, not measured. SI units.
"""

from __future__ import annotations

GRAVITY_M_S2 = 9.81
WRIST_STIFFNESS_N_M = 20_000.0
"""Compliance between flange and part: 20 N for each millimetre that the flange goes on after contact."""
WRIST_LATERAL_N_M = 20_000.0
WRIST_ANGULAR_N_M_RAD = 100.0
"""The same compliance sideways, and in tilting about the tool centre point."""
WALL_FRICTION_RATIO = 0.2
"""Coulomb friction of a part at the walls of its hole: plastic on plastic, dry."""

# gripping
GRASP_ALONG_M = 0.006
"""Half the width of the fingers: how far along them the grasp point may be off."""
GRASP_HEIGHT_M = 0.004
GRASP_TILT_RAD = 0.10
GRASP_TURN_RAD = 0.30
"""How far a box may be turned against the fingers; they align it while closing."""
CUP_ABOVE_M = 0.0015
CUP_BELOW_M = 0.004
CUP_TILT_RAD = 0.12
MAGNET_LATERAL_M = 0.0015
MAGNET_ABOVE_M = 0.0005
MAGNET_BELOW_M = 0.008
SLIP_AFTER_S = (0.3, 2.5)
"""A badly held part slips away so long after the pick."""

# putting down
SEAT_CAPTURE_M = 0.002
SEAT_CAPTURE_RAD = 0.12
SEAT_RIM_M = 0.002
"""Height of a fixture's seat over its floor: what misses the seat stands on this rim."""
SEAT_RESIDUE_M = 0.00001
"""Standard deviation of where a seated unit really is."""
CLAMP_HOLDS_M = 0.003
"""The clamp holds a unit that is no higher than this over its seat."""
SITE_REACH_M = 0.012
"""A part this near to a site, seen from above, is judged against that site."""
LAY_CAPTURE_M = 0.005
"""A part without a fit sticks where it is laid, so near to its site."""
LABEL_SLIP_M = (0.0018, 0.0035)
"""So far a label slips that was not pressed on straight."""
SEATED_WITHIN_M = 0.0003
DROP_M = 0.005
"""A part let go higher than this over its place, or over anything else, jumps off and is gone."""
FEEDER_CAPTURE_M = 0.003
CARTON_CAPTURE_M = 0.004
CARTON_DROP_M = 0.01
BIN_HALF_M = 0.08
BIN_DEPTH_M = 0.3

# screws
THREAD_CATCH_M = 0.001
THREAD_CROSS_M = 0.0004
THREAD_CROSS_RAD = 0.05
THREAD_TOUCH_M = 0.0005
CROSSED_STIFFNESS_RATIO = 0.4
"""Rise of torque of a crossed thread, of that of a seated head."""
TORQUE_NOISE_RATIO = 0.02

# tool changing
COUPLING_M = 0.001
COUPLING_RAD = 0.0175

# adhesive
BEAD_HEIGHT_M = 0.003
"""A nozzle higher over the surface lays no bead."""
BEAD_REACH_M = 0.0015
"""Half of a bead's width: so near to its way a place is wetted."""
BEAD_STEP_M = 0.002
BEAD_WETS_RATIO = 0.2
"""A bead that wets less of its way is none."""
GAP_SEEN_M = 0.003

# presses and welds
PRESS_NOISE_RATIO = 0.005
WELD_LATERAL_M = 0.0015
WELD_TOUCH_M = 0.0008
WELD_GIVES_M = 0.003
"""Current flows from so far before the place of the spot to so far behind it: there the wrist gives, not the electrodes."""
WELD_OHM = 0.0004
WELD_WEAK_OHM = 0.004
WELD_NOISE_RATIO = 0.03
WEAK_CELL_RATIO = 0.9
"""Voltage of a weak cell, of what it should be."""
