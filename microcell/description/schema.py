"""JSON Schemas (draft 2020-12) of the documents, for editors and for the loader's own error texts."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from microcell.description.calibration import Calibration
from microcell.description.cell import Cell
from microcell.description.fault_schedule import FaultSchedule
from microcell.description.line import LineDocument
from microcell.description.order import Order
from microcell.description.product import Product
from microcell.description.tool import Tool

DRAFT = "https://json-schema.org/draft/2020-12/schema"
DOCUMENTS: dict[str, Any] = {
    "cell": Cell,
    "tool": Tool,
    "product": Product,
    "line": LineDocument,
    "order": Order,
    "fault_schedule": FaultSchedule,
    "calibration": Calibration,
}
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
    return {
        "$schema": DRAFT,
        "title": f"microcell {kind}",
        **{k: v for k, v in schema.items() if k != "title"},
    }


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
