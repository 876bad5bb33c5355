"""No number with a fraction stands without its unit: its key ends in an SI unit."""

from collections.abc import Iterator

import pytest
import yaml
from config_copy import SHIPPED

from microcell import plugins
from microcell.description.schema import DOCUMENTS, adapter

UNITS = (
    "_m", "_rad", "_s", "_n", "_n_m", "_n_m_rad", "_n_m_h", "_kg", "_pa", "_m_s", "_rad_s", "_rad_s2", "_m_s2", "_rad_s3",
    "_m_s3", "_hz", "_w", "_j", "_v", "_ohm", "_kg_s", "_px", "_ratio", "_ratios",
)  # fmt: skip
PURE_NUMBERS = ("time_scale",)  # seconds per second; ROS users know it by this name


def has_unit(key: str) -> bool:
    return key.endswith(UNITS) or key in PURE_NUMBERS


def is_fractional(schema: dict) -> bool:
    inner = [*schema.get("anyOf", ()), *schema.get("prefixItems", ())]
    if isinstance(schema.get("items"), dict):
        inner.append(schema["items"])
    return schema.get("type") == "number" or any(is_fractional(option) for option in inner)


def bare_fields(model) -> Iterator[str]:
    schema = adapter(model).json_schema()
    for definition in (schema, *schema.get("$defs", {}).values()):
        for key, field in definition.get("properties", {}).items():
            if is_fractional(field) and not has_unit(key):
                yield f"{definition['title']}.{key}"


def bare_values(value, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from bare_values(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from bare_values(inner, key)
    elif isinstance(value, float) and not has_unit(key):
        yield f"{key}: {value}"


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_every_fractional_field_of_a_description_names_its_unit(kind):
    assert list(bare_fields(DOCUMENTS[kind])) == []


@pytest.mark.parametrize("skill", plugins.skill_names())
def test_every_fractional_parameter_of_a_skill_names_its_unit(skill):
    assert list(bare_fields(plugins.skill(skill).Parameters)) == []


@pytest.mark.parametrize("path", sorted(SHIPPED.rglob("*.yaml")), ids=lambda path: str(path.relative_to(SHIPPED)))
def test_every_fraction_in_the_shipped_configuration_has_a_unit(path):
    assert list(bare_values(yaml.safe_load(path.read_text(encoding="utf-8")))) == []


def test_a_bare_number_would_be_found():
    assert list(bare_values({"a": {"force": 1.5, "places_m": [1.0, 2.0]}, "speeds": [0.5]})) == [
        "force: 1.5",
        "speeds: 0.5",
    ]
