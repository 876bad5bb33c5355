"""One YAML file becomes plain data with places, or issues."""

import math

import pytest
import yaml

from microcell.description import source
from microcell.description.source import read_source


def read(tmp_path, text):
    path = tmp_path / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_source(path)


def only_issue(tmp_path, text):
    (issue,) = read(tmp_path, text).issues
    return str(issue).removeprefix(f"{tmp_path}/")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("true", True),
        ("False", False),
        ("", None),
        ("~", None),
        ("null", None),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("n", "n"),
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        (".inf", ".inf"),
        ("2026-03-01", "2026-03-01"),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("=", "="),
    ],
)
def test_plain_scalars_are_read_as_yaml_1_2_has_it(tmp_path, text, value):
    found = read(tmp_path, f"key: {text}\n")
    assert found.issues == ()
    assert found.data == {"key": value}
    assert type(found.data["key"]) is type(value)


def test_keys_are_text_whatever_they_look_like(tmp_path):
    assert read(tmp_path, "{on: 1, 12: 2, null: 3}").data == {"on": 1, "12": 2, "null": 3}


def test_every_value_has_the_place_of_itself_and_of_its_key(tmp_path):
    found = read(tmp_path, "# first\ndevices:\n  arm: {kind: arm}\n  list:\n    - 1\n    - two\n")
    assert found.places[("devices",)] == source.Place(key=(2, 1), value=(3, 3))
    assert found.places[("devices", "arm", "kind")] == source.Place(key=(3, 9), value=(3, 15))
    assert found.places[("devices", "list", 1)] == source.Place(key=(6, 7), value=(6, 7))


def test_merged_keys_keep_the_place_they_come_from_and_own_keys_win(tmp_path):
    found = read(tmp_path, "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n")
    assert found.data["b"] == {"x": 1, "y": 3}
    assert found.places[("b", "x")].value == (1, 11)
    assert found.places[("b", "y")].value == (2, 16)


def test_a_list_of_merges_prefers_the_first(tmp_path):
    found = read(tmp_path, "a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc:\n  <<: [*a, *b]\n")
    assert found.data["c"] == {"x": 1, "y": 2}


def test_a_key_that_stands_twice_is_refused_at_its_second_place(tmp_path):
    assert only_issue(tmp_path, "a: 1\nb: 2\na: 3\n") == (
        "file.yaml:3:1: a: the key 'a' stands twice; it is already on line 1. Keep one of the two."
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "file.yaml:1:1: the file is empty; a description with 'kind' and 'name' is needed. Write one."),
        ("# only a comment\n", "file.yaml:1:1: the file is empty; a description"),
        (b"name: caf\xe9\n", "file.yaml:1:10: the byte 0xe9 is not UTF-8; YAML files are UTF-8 text."),
        ("a: 1\nb: \x00\n", "file.yaml:2:4: the character U+0000 is not allowed; YAML files are plain text."),
        ("a: [1, 2\nb: 3\n", "file.yaml:2:2: this is not YAML (while parsing a flow sequence: did not find"),
        (
            "a:\n\tb: 1\n",
            "this is not YAML (while scanning for the next token: found character that cannot start",
        ),
        ("a:\n\tb: 1\n", "indentation is made of spaces, and there is a tab. Replace it."),
        ("a: 1\n---\nb: 2\n", "one file holds one description. Split the file at '---'."),
        ("a: *b\n", "file.yaml:1:4: this is not YAML (found undefined alias"),
        ("a: !!python/object:os.system {}\n", "file.yaml:1:4: a: the tag '!!python/object:os.system' is not"),
        (
            "a: !!binary aGk=\n",
            "file.yaml:1:4: a: the tag '!!binary' is not allowed; descriptions are plain data.",
        ),
        ("a: !!int twelve\n", "file.yaml:1:4: a: 'twelve' is not what its tag says; remove the tag."),
        ("? [1]\n: 2\n", "file.yaml:1:3: a key is not plain text; keys are names. Correct it."),
        (
            "a: {<<: 3}\n",
            "file.yaml:1:9: a.<<: '<<' merges something that has no keys; name a mapping: '<<: *anchor'.",
        ),
        ("a: 1e999\n", "file.yaml:1:4: a: the number is too large (1e999); at most 18 digits, or 1.7e308,"),
        ("a: " + "9" * 5000, "file.yaml:1:4: a: the number is too large (9999"),
        ("a: &a [*a]\n", "values are nested deeper than 50 levels; write it flatter."),
        ("[" * 100_000, "file.yaml:1:51: values are nested deeper than 50 levels; write it flatter."),
        ("a: &a {<<: *a}\n", "values are nested deeper than 50 levels; write it flatter."),
        (
            "#" * 1_000_001,
            "file.yaml:1:1: the file is larger than 1000000 bytes; descriptions are small. Split it.",
        ),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(tmp_path, text, expected):
    assert expected in only_issue(tmp_path, text)


def test_aliases_that_multiply_are_refused(tmp_path):
    levels = [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 10)]
    assert "the file expands to more than 50000 values" in only_issue(tmp_path, "\n".join(["l0: &l0 [1]", *levels]))


def test_merges_that_multiply_are_refused(tmp_path):
    levels = [f"l{i}: &l{i} {{<<: [{', '.join([f'*l{i - 1}'] * 10)}]}}" for i in range(1, 30)]
    assert "the file expands to more than 50000 values" in only_issue(tmp_path, "\n".join(["l0: &l0 {a: 1}", *levels]))


def test_a_missing_file_and_a_directory_are_issues(tmp_path):
    (missing,) = read_source(tmp_path / "none.yaml").issues
    (directory,) = read_source(tmp_path).issues
    assert str(missing).endswith("none.yaml:1:1: there is no such file; a YAML file is needed here. Correct the path.")
    assert "this is a directory; a YAML file is needed here. Name a file in it." in str(directory)


def test_a_byte_order_mark_is_passed_over(tmp_path):
    assert read(tmp_path, b"\xef\xbb\xbfa: 1\n").data == {"a": 1}


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="only one parser is installed")
@pytest.mark.parametrize("text", ["a: {b: [1, 'ä', {c: d}]}\ne:\n- f:\n    g: 1e3\n-\n", "x: |\n  text\ny: [\n 1,\n 2]\n"])
def test_both_parsers_of_pyyaml_find_the_same_values_at_the_same_places(tmp_path, monkeypatch, text):
    fast = read(tmp_path, text)

    class PurePython(yaml.SafeLoader):
        yaml_implicit_resolvers = source._Loader.yaml_implicit_resolvers

    monkeypatch.setattr(source, "_Loader", PurePython)
    assert read(tmp_path, text) == fast


def test_no_number_that_is_read_is_infinite(tmp_path):
    data = read(tmp_path, "[1e308, -1e308, 5e-324]").data
    assert all(math.isfinite(number) for number in data)
