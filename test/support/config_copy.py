"""A copy of an example configuration that a test may break, whatever the shipped one comes to be."""

from __future__ import annotations

import shutil
from pathlib import Path

from microcell.description.loader import check_paths, load_line
from microcell.errors import ConfigError, Issue

SHIPPED = Path(__file__).resolve().parents[2] / "config"
EXAMPLE = Path(__file__).resolve().parent / "example"


class ConfigCopy:
    """The example configuration in a directory of the test's own."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "config"
        shutil.copytree(EXAMPLE, self.root)
        self.line = self.root / "lines" / "valve.yaml"

    def edit(self, file: str, old: str, new: str) -> ConfigCopy:
        """Replace the first occurrence of a text, which must be there."""
        path = self.root / file
        text = path.read_text(encoding="utf-8")
        if old not in text:
            raise LookupError(f"{file} does not contain {old!r}")
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return self

    def issues(self) -> tuple[Issue, ...]:
        """Issues of loading the line."""
        try:
            load_line(self.line)
        except ConfigError as error:
            return error.issues
        return ()

    def texts(self) -> list[str]:
        """The issues of loading the line as text, from the configuration's directory on."""
        return [str(issue).removeprefix(f"{self.root}/") for issue in self.issues()]

    def check(self, *files: str) -> list[str]:
        """The issues of some files, or of all, as text."""
        issues = check_paths([self.root / file for file in files] or [self.root])
        return [str(issue).removeprefix(f"{self.root}/") for issue in issues]
