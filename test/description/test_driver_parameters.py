"""What our own drivers take from a device's parameters, among those of other drivers."""

from microcell.description.driver_parameters import ArmParameters, arm_parameters, misspelt

OTHERS = dict.fromkeys(("start_s", "step_s", "names", "joints", "host", "period_s"), 1)


def test_a_driver_takes_its_own_parameters_and_leaves_those_of_others():
    assert arm_parameters({"lag_s": 0.4, "settle_s": "auto", **OTHERS}, "lag_s", "stop_s") == ArmParameters(lag_s=0.4)


def test_only_what_is_nearly_called_like_one_of_ours_is_a_mistake():
    assert list(misspelt("arm", {"lag_s": 0.4, "overload_n": 1.0, **OTHERS})) == []
    assert list(misspelt("arm", {"goal_tolerance": 0.1})) == [("goal_tolerance", "goal_tolerance_rad")]
