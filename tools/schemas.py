"""Write config/schema/*.schema.json from the models; a test tells when they are stale."""

from pathlib import Path

from microcell.description.schema import write_schemas

if __name__ == "__main__":
    for path in write_schemas(Path(__file__).resolve().parent.parent / "config" / "schema"):
        print(path)
