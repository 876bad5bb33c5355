"""The shipped JSON Schemas are those of the models, and every shipped file points its editor at its own."""

import json

import pytest
from config_copy import SHIPPED

from microcell.description.loader import load_document
from microcell.description.reading import FOLDERS
from microcell.description.schema import DOCUMENTS, DRAFT, schema_text, schemas, write_schemas

FILES = sorted(SHIPPED.rglob("*.yaml"))


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_the_shipped_schema_is_current(kind):
    shipped = (SHIPPED / "schema" / f"{kind}.schema.json").read_text(encoding="utf-8")
    assert shipped == schema_text(schemas()[kind]), "stale: run microcell schema"


def test_schemas_are_written_one_file_for_each_kind(tmp_path):
    files = write_schemas(tmp_path / "schema")
    assert [file.name for file in files] == [f"{kind}.schema.json" for kind in DOCUMENTS]
    assert json.loads(files[0].read_text(encoding="utf-8"))["$schema"] == DRAFT


def test_a_schema_asks_for_the_kind_refuses_unknown_keys_and_knows_bounds():
    order, line = schemas()["order"], schemas()["line"]
    assert "kind" in order["required"]
    assert line["additionalProperties"] is False
    assert line["properties"]["ideal_cycle_s"]["exclusiveMinimum"] == 0


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SHIPPED)))
def test_every_shipped_file_begins_with_the_schema_of_its_kind(path):
    kind = load_document(path).kind
    assert path.parent.name == FOLDERS[kind]
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema=../schema/{kind}.schema.json"
    assert (path.parent / first.partition("=")[2]).resolve().is_file()
