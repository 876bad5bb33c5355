"""The pages' links lead somewhere, and their commands are ones that exist."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from microcell.cli import _parser

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
COMMAND = re.compile(r"^\$ (.+)$", re.MULTILINE)
CODE = re.compile(r"`(?:microcell/)?((?:bench|test|tools|config)/[\w/]+\.(?:py|yaml|xml))`")
COMMANDS = sorted({command for page in PAGES for command in COMMAND.findall(page.read_text(encoding="utf-8"))})


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_what_a_page_links_to_exists(page: Path):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        found = (page.parent / name).resolve() if name else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_the_files_that_a_page_names_exist(page: Path):
    for name in CODE.findall(page.read_text(encoding="utf-8")):
        assert (ROOT / name).is_file(), name


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("microcell ")])
def test_a_command_of_a_page_is_understood(command: str):
    _parser().parse_args(shlex.split(command)[1:])


@pytest.mark.parametrize("command", [c for c in COMMANDS if not c.startswith("microcell ")])
def test_another_command_of_a_page_has_its_program(command: str):
    program, what, *_ = shlex.split(command)
    if program == "make":
        assert f"\n{what}:" in (ROOT / "Makefile").read_text(encoding="utf-8")
    else:
        assert program == "python" and (ROOT / what).is_file()


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_the_yaml_of_a_page_can_be_read(page: Path):
    for text in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        assert yaml.safe_load(text.replace(", ...}", "}").replace("{...}", "{}"))
