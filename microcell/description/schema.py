"""JSON Schemas (draft 2020-12) of the documents, for editors and for the loader's own error texts."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from microcell.description.base import NAME_PATTERN
from microcell.description.cell import Cell
from microcell.description.line import LineDocument
from microcell.description.order import Order
from microcell.description.product import Product
from microcell.description.tool import Tool

DRAFT = "https://json-schema.org/draft/2020-12/schema"
DOCUMENTS: dict[str, Any] = {"cell": Cell, "tool": Tool, "product": Product, "line": LineDocument, "order": Order}
"""What a file of each kind holds."""


@cache
def adapter(model: Any) -> TypeAdapter[Any]:
    """The validator of a model or of a union of models."""
    return TypeAdapter(model)


def schemas() -> dict[str, dict[str, Any]]:
    """The schema of each kind of document."""
    return {kind: document_schema(kind) for kind in DOCUMENTS}


@cache
def document_schema(kind: str) -> dict[str, Any]:
    """The schema of one kind of document; a file always says its kind, also where the model has a default."""
    schema = adapter(DOCUMENTS[kind]).json_schema()
    for document in (schema, *schema.get("$defs", {}).values()):
        constant = document.get("properties", {}).get("kind", {}).get("const")
        if constant == kind and "kind" not in document.get("required", []):
            document["required"] = ["kind", *document.get("required", [])]
    return {"$schema": DRAFT, "title": f"microcell {kind}", **{k: v for k, v in schema.items() if k != "title"}}


def write_schemas(directory: Path) -> tuple[Path, ...]:
    """Write `<kind>.schema.json` for each kind into a directory; returns the files."""
    directory.mkdir(parents=True, exist_ok=True)
    return tuple(_write(directory / f"{kind}.schema.json", schema) for kind, schema in schemas().items())


def _write(path: Path, schema: dict[str, Any]) -> Path:
    path.write_text(schema_text(schema), encoding="utf-8")
    return path


def schema_text(schema: dict[str, Any]) -> str:
    """A schema as it is shipped."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


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
        """The schema of a place; `data` decides which member of a union it is. Empty where nothing is known."""
        found = self._member(self._resolve(self._root), data)
        for step in where:
            data = child(data, step)
            found = self._member(self._resolve(_below(found, step)), data)
        return found

    def key_schema(self, where: tuple[str | int, ...], data: Any) -> dict[str, Any]:
        """The schema of the keys of the mapping at a place."""
        mapping = self.at(where, data)
        pattern = next(iter(mapping.get("patternProperties", {NAME_PATTERN: None})))
        return self._resolve(mapping.get("propertyNames", {"type": "string", "pattern": pattern}))

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
            schema = {**{key: value for key, value in schema.items() if key not in ("$ref", "anyOf")}, **found}

    def _member(self, schema: dict[str, Any], data: Any) -> dict[str, Any]:
        """The member of a union that `data` says it is; the schema itself where it is none or the tag is wrong."""
        tag = child(data, schema.get("discriminator", {}).get("propertyName", ""))
        return self._resolve(self._tagged(schema, data, tag) or schema)

    @staticmethod
    def _tagged(schema: dict[str, Any], data: Any, tag: Any) -> dict[str, Any] | None:
        union = schema.get("discriminator")
        if not union or not isinstance(tag, str) or child(data, union["propertyName"]) != tag:
            return None
        reference = union["mapping"].get(tag)
        return {"$ref": reference} if reference else None


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
