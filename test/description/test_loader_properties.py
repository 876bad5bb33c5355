"""Whatever stands in a file, loading it ends with a description or with issues that can be looked up."""

import random
import re
import string
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from config_copy import ConfigCopy
from hypothesis import given, settings
from hypothesis import strategies as st

from microcell.description.loader import check_paths, load_document, load_line
from microcell.errors import ConfigError, Issue

FILES = ("lines/valve.yaml", "cells/bench.yaml", "products/valve.yaml", "tools/parallel_gripper.yaml")
SPLINTERS = (
    "",
    "x",
    ":",
    "-",
    "[",
    "}",
    "&a ",
    "*a",
    "<<: ",
    "!!int ",
    "'",
    "\t",
    "\n",
    "0",
    "-1e9",
    "yes",
    "null",
    "#",
)


def load(content: bytes, load_it=load_document) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "file.yaml"
        path.write_bytes(content)
        try:
            load_it(path)
        except ConfigError as error:
            assert_findable(error.issues)


def assert_findable(issues: tuple[Issue, ...]) -> None:
    assert issues
    for issue in issues:
        text = Path(issue.file).read_bytes().decode("utf-8", "replace")
        lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", text)  # YAML's line breaks
        assert 1 <= issue.line <= len(lines) + 1
        assert issue.column >= 1
        assert issue.what and issue.remedy
        assert "\n" not in str(issue)


@given(st.binary(max_size=200))
@settings(max_examples=150)
def test_any_bytes_are_refused_or_loaded(content):
    load(content)


@given(st.text(max_size=200))
@settings(max_examples=150)
def test_any_text_is_refused_or_loaded(content):
    load(content.encode("utf-8", "surrogatepass"))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(string.printable, max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
keys = st.sampled_from(
    [
        "name",
        "kind",
        "devices",
        "parts",
        "plan",
        "sites",
        "variants",
        "feeders",
        "cell",
        "product",
        "lines",
        "recovery",
    ]
)


@given(st.sampled_from(["cell", "tool", "product", "line", "order"]), st.dictionaries(keys, values, max_size=6))
@settings(max_examples=200)
def test_any_values_under_the_right_keys_are_refused_or_loaded(kind, document):
    content = yaml.safe_dump({**document, "kind": kind}, allow_unicode=True).encode("utf-8", "surrogatepass")
    load(content, lambda path: load_line(path) if kind == "line" else load_document(path))


def mutated(text: str, chance: random.Random) -> str:
    """The text with one line lost, doubled, shifted, or spliced."""
    lines = text.splitlines()
    at = chance.randrange(len(lines))
    way = chance.randrange(5)
    if way == 0:
        del lines[at]
    elif way == 1:
        lines.insert(at, lines[chance.randrange(len(lines))])
    elif way == 2:
        lines[at] = " " * chance.randrange(5) + lines[at].lstrip()
    else:
        split = chance.randrange(len(lines[at]) + 1)
        keep = split + (chance.randrange(4) if way == 3 else 0)
        lines[at] = lines[at][:split] + chance.choice(SPLINTERS) + lines[at][keep:]
    return "\n".join(lines) + "\n"


@given(st.integers(0, 2**32), st.integers(1, 3))
@settings(max_examples=120)
def test_a_damaged_line_is_refused_at_places_that_exist_or_still_good(seed, times):
    chance = random.Random(seed)
    with TemporaryDirectory() as directory:
        config = ConfigCopy(Path(directory))
        for _ in range(times):
            path = config.root / chance.choice(FILES)
            path.write_text(mutated(path.read_text(encoding="utf-8"), chance), encoding="utf-8")
        if issues := config.issues():
            assert_findable(issues)
        assert set(issues) <= set(check_paths([config.line]))


def test_the_undamaged_copy_is_good(tmp_path):
    assert ConfigCopy(tmp_path).issues() == ()
