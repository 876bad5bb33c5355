"""What every installed skill promises about itself; a new skill is tested here unasked."""

from __future__ import annotations

import pytest
from skill_bench import TOOL_FOR, valve_line

from microcell import plugins
from microcell.faults import CATALOGUE
from microcell.skills.contract import Skill

NAMES = tuple(plugins.skill_names())
LINE = valve_line()


def uses():
    """Every operation of the valve's plans in every variant, as the skill sees it."""
    product = LINE.product_description
    for variant in product.variants:
        for name, spec in {**product.plan, **product.scrap_plan}.items():
            yield variant, name, spec.skill, product.parameters_of(name, variant)


@pytest.mark.parametrize("name", NAMES)
def test_a_skill_names_itself_its_family_and_its_purpose(name):
    skill = plugins.skill(name)
    assert issubclass(skill, Skill)
    assert skill.name == name
    assert skill.family == plugins.skill_names()[name]
    assert skill.summary.endswith(".")
    assert skill.__doc__


@pytest.mark.parametrize("name", NAMES)
def test_every_fault_of_a_skill_is_in_the_catalogue_once(name):
    faults = plugins.skill(name).faults
    assert set(faults) <= set(CATALOGUE)
    assert len(faults) == len(set(faults))


@pytest.mark.parametrize("name", NAMES)
def test_every_number_of_a_skills_parameters_names_its_unit_and_has_bounds(name):
    schema = plugins.skill(name).Parameters.model_json_schema()
    assert schema["additionalProperties"] is False
    for key, field in schema["properties"].items():
        choices = field.get("anyOf", [field])
        numbers = [choice for choice in choices if choice.get("type") in ("number", "integer")]
        for number in numbers:
            assert "maximum" in number or "exclusiveMaximum" in number, key
            assert "minimum" in number or "exclusiveMinimum" in number, key
        if any(number["type"] == "number" for number in numbers):
            assert key.endswith(("_m", "_m_s", "_n", "_n_m", "_rad", "_rad_s", "_s", "_ratio", "_kg", "_v", "_ohm")), key


@pytest.mark.parametrize(("variant", "operation", "skill", "parameters"), list(uses()))
def test_needs_can_be_met_by_the_shipped_line(variant, operation, skill, parameters):
    needs = plugins.skill(skill).needs(LINE, variant, parameters)
    kinds = {spec.kind for spec in LINE.cell_description.devices.values()}
    assert set(needs.kinds) <= kinds
    assert needs.capability in (None, *TOOL_FOR)
    assert needs.part is None or LINE.feeders_of(needs.part)
    assert 0.0 < plugins.skill(skill).expected_s(parameters) < plugins.skill(skill).timeout_s(parameters)


@pytest.mark.parametrize(("variant", "operation", "skill", "parameters"), list(uses()))
def test_every_changed_approach_is_within_the_bounds_and_never_faster(variant, operation, skill, parameters):
    kind = plugins.skill(skill)
    usual = kind.Parameters.model_validate(parameters)
    for attempt in range(1, 8):
        changed = kind.Parameters.model_validate(kind.changed(parameters, attempt))
        assert changed != usual
        for key in ("speed_m_s", "speed_ratio", "speed_rad_s"):
            assert getattr(changed, key, 0.0) <= getattr(usual, key, 0.0)
