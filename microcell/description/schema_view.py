"""Ask of a model's JSON schema what may stand at a place in a document."""

from __future__ import annotations

from functools import cache
from typing import Any

from microcell.description.base import NAME_PATTERN
from microcell.description.schema import adapter


class SchemaView:
    """Answers, for a place in a document, what may stand there."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._definitions = schema.get("$defs", {})
        self._root = schema

    @classmethod
    def of(cls, model: Any) -> SchemaView:
        """The view of a model's schema."""
        return cls(_model_schema(model))

    def at(self, where: tuple[str | int, ...], data: Any) -> dict[str, Any]:
        """The schema of a place, as member of a union that `data` says; empty where nothing is known."""
        found = self._member(self._resolve(self._root), data)
        for step in where:
            data = child(data, step)
            found = self._member(self._resolve(_below(found, step)), data)
        return found

    def key_schema(self, where: tuple[str | int, ...], data: Any) -> dict[str, Any]:
        """The schema of the keys of the mapping at a place."""
        mapping = self.at(where, data)
        pattern = next(iter(mapping.get("patternProperties", {NAME_PATTERN: None})))
        return {"type": "string", "pattern": pattern, **self._resolve(mapping.get("propertyNames", {}))}

    def place(self, location: tuple[str | int, ...], data: Any) -> tuple[tuple[str | int, ...], bool]:
        """The path in `data` of a location in pydantic's sense, and whether the key there is meant.

        Such a location also names the members of unions that validation went through.
        """
        where: list[str | int] = []
        schema = self._resolve(self._root)
        for step in location:
            if step == "[key]":
                return tuple(where), True
            if member := self._tagged(schema, data, step):
                schema = self._resolve(member)
                continue
            if _is_untagged(schema):
                schema = self._merged(schema)
                continue
            where.append(step)
            data = child(data, step)
            schema = self._resolve(_below(schema, step))
        return tuple(where), False

    def _resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Follow references and leave out the null of an optional value."""
        while True:
            some = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
            if "$ref" in schema:
                found = self._definitions[schema["$ref"].rpartition("/")[2]]
            elif some:
                found = some[0]
            else:
                return schema
            schema = {
                **{key: value for key, value in schema.items() if key not in ("$ref", "anyOf")},
                **found,
            }

    def _member(self, schema: dict[str, Any], data: Any) -> dict[str, Any]:
        """The member of a union that `data` says; the schema itself where it is none or the tag is wrong.

        Of a union whose members are told by their keys it is all of them in one.
        """
        if _is_untagged(schema):
            return self._merged(schema)
        tag = child(data, schema.get("discriminator", {}).get("propertyName", ""))
        return self._resolve(self._tagged(schema, data, tag) or schema)

    def _merged(self, schema: dict[str, Any]) -> dict[str, Any]:
        """One mapping with the keys of all members of a union."""
        members = [self._resolve(member) for member in schema["oneOf"]]
        return {"type": "object", "properties": {key: value for m in members for key, value in m["properties"].items()}}

    @staticmethod
    def _tagged(schema: dict[str, Any], data: Any, tag: Any) -> dict[str, Any] | None:
        union = schema.get("discriminator")
        if not union or not isinstance(tag, str) or child(data, union["propertyName"]) != tag:
            return None
        reference = union["mapping"].get(tag)
        return {"$ref": reference} if reference else None


def _is_untagged(schema: dict[str, Any]) -> bool:
    """Whether it is a union of mappings that no key names; pydantic's locations name the member all the same."""
    return "oneOf" in schema and "discriminator" not in schema


def _below(schema: dict[str, Any], step: str | int) -> dict[str, Any]:
    if isinstance(step, int):
        places = schema.get("prefixItems", [])
        found = places[step] if step < len(places) else schema.get("items", {})
    else:
        named = {"": schema.get("additionalProperties", {}), **schema.get("patternProperties", {})}
        found = schema.get("properties", {}).get(step, list(named.values())[-1])
    return found if isinstance(found, dict) else {}


def child(data: Any, step: str | int) -> Any:
    """The value one step below, or None."""
    if isinstance(step, int):
        return data[step] if isinstance(data, list) and step < len(data) else None
    return data.get(step) if isinstance(data, dict) else None


@cache
def _model_schema(model: Any) -> dict[str, Any]:
    return adapter(model).json_schema()
