"""Files that want to harm: every one ends in a clear error, none in a hang, a crash or a look at other files."""

import os
import random
import shutil
import string
import subprocess
import sys
from typing import Annotated

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import StringConstraints, TypeAdapter, ValidationError

from microcell.description import source
from microcell.description.base import LABEL_TEXT_PATTERN, PATTERN_WORDS
from microcell.description.loader import check_paths, find_line, load_line, load_order
from microcell.description.source import MAX_BYTES, MAX_DEPTH, MAX_VALUES, read_source
from microcell.errors import ConfigError
from microcell.motion import xacro_files
from microcell.motion.link_solids import felt
from microcell.motion.robot_file import MOST_DEPTH, MOST_LINKS, RobotFileError, read_robot_file

XACRO = '<robot name="r" xmlns:xacro="http://www.ros.org/wiki/xacro">{}</robot>'
BOMB = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10) if n else '0, 0'}]\n" for n in range(9))


def said(path) -> str:
    """The only issue of a file, without its folder."""
    (issue,) = read_source(path).issues
    return str(issue).removeprefix(f"{path.parent}/")


def robot_error(path) -> str:
    with pytest.raises(RobotFileError) as caught:
        read_robot_file(path)
    return str(caught.value).removeprefix(f"{path}: ")


def xacro_error(tmp_path, inside: str) -> str:
    path = tmp_path / "robot.urdf.xacro"
    path.write_text(XACRO.format(inside))
    return robot_error(path)


# --- YAML ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (BOMB, f"the file expands to more than {MAX_VALUES} values"),
        ("[" * 100_000, f"values are nested deeper than {MAX_DEPTH} levels"),
        ("a: " + "{b: " * 60 + "1" + "}" * 60, f"values are nested deeper than {MAX_DEPTH} levels"),
        ("a: &a {<<: *a}", f"values are nested deeper than {MAX_DEPTH} levels"),
        ("a: &a [*a]", f"values are nested deeper than {MAX_DEPTH} levels"),
        ("a: " + "9" * 1000, "the number is too large"),
        ("a: 1e999", "the number is too large"),
        ("a: !!python/object/apply:os.system ['true']", "the tag '!!python/object/apply:os.system' is not allowed"),
        ("a: !!python/name:os.system", "is not allowed"),
        ("!!python/object/new:type {}", "is not allowed"),
        ("a: !include /etc/passwd", "the tag '!include' is not allowed"),
        ("a: " + "x" * MAX_BYTES, f"the file is larger than {MAX_BYTES} bytes"),
        ("a: \x00", "the character U+0000 is not allowed"),
    ],
)
def test_yaml_that_wants_to_exhaust_or_to_run_is_refused(tmp_path, text, error):
    path = tmp_path / "hostile.yaml"
    path.write_text(text)
    (issue, *_) = read_source(path).issues
    assert error in str(issue)


def test_yaml_never_makes_an_object(tmp_path, monkeypatch):
    path = tmp_path / "hostile.yaml"
    path.write_text(f"a: !!python/object/apply:os.mkdir ['{tmp_path}/made']\nb: !!python/object/apply:os.getcwd []\n")
    read_source(path)
    assert not (tmp_path / "made").exists()
    assert issubclass(source._Loader, (yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def test_a_pipe_is_not_waited_for(tmp_path):
    path = tmp_path / "pipe.yaml"
    os.mkfifo(path)
    assert said(path) == "pipe.yaml:1:1: this is no regular file; a YAML file is needed here. Correct the path."


def test_a_device_is_not_read():
    (issue,) = read_source(source.Path("/dev/zero")).issues
    assert "this is no regular file" in str(issue)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400) | st.text(alphabet="{}[]&*!<>:|-'\" \n\tax0", max_size=200).map(str.encode))
def test_whatever_stands_in_a_file_becomes_data_or_issues(tmp_path, content):
    path = tmp_path / "any.yaml"
    path.write_bytes(content)
    found = read_source(path)
    assert found.issues or isinstance(found.data, (dict, list, str, int, float, bool, type(None)))


# --- names and links -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../secrets", "/etc/passwd", "..", "bench/../../x", "a\0b", "bench.yaml"])
@pytest.mark.parametrize("key", ["cell", "product"])
def test_a_line_cannot_name_a_file_elsewhere(config, key, name):
    data = yaml.safe_load(config.line.read_text())
    data[key] = name
    config.line.write_text(yaml.safe_dump(data))
    assert any(f"{key}: " in text for text in config.texts())


@pytest.mark.parametrize("name", ["../robot.urdf", "/etc/passwd", "sub/robot.urdf", "..", ".hidden.urdf", "-rf.urdf"])
def test_a_cell_cannot_name_a_robot_elsewhere(config, name):
    config.edit("cells/bench.yaml", "kind: arm", f"kind: arm\n    robot: {name!r}")
    assert any("robot: " in text and "the name of a file, without folders" in text for text in config.texts())


@pytest.mark.parametrize(("folder", "kind"), [("cells/bench", "cell"), ("tools/screwdriver", "tool")])
def test_a_document_that_is_a_link_to_elsewhere_is_refused(config, tmp_path, folder, kind):
    path = config.root / f"{folder}.yaml"
    elsewhere = tmp_path / "elsewhere.yaml"
    shutil.move(path, elsewhere)
    path.symlink_to(elsewhere)
    name = path.stem
    assert any(f"the file of {kind} '{name}' is a link that leads out of the configuration" in t for t in config.texts())


def test_a_robot_file_that_is_a_link_to_elsewhere_is_refused(config, tmp_path):
    (tmp_path / "elsewhere.urdf").write_text("<robot/>")
    (config.root / "cells" / "mine.urdf").symlink_to(tmp_path / "elsewhere.urdf")
    config.edit("cells/bench.yaml", "kind: arm", "kind: arm\n    robot: mine.urdf")
    assert any(
        "the file 'mine.urdf' is a link that leads out of the configuration; it must lie there itself." in found
        for found in config.texts()
    )


def test_a_configuration_that_is_a_link_as_a_whole_is_followed(config, tmp_path):
    """`colcon build --symlink-install` links every file; what a link's own folder holds belongs to it."""
    (tmp_path / "install").mkdir()
    for path in config.root.rglob("*.yaml"):
        link = tmp_path / "install" / path.relative_to(config.root)
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(path)
    assert load_line(tmp_path / "install" / "lines" / "valve.yaml").name == "valve"


def test_a_link_to_itself_is_an_error_and_no_hang(config):
    config.line.unlink()
    config.line.symlink_to(config.line)
    assert len(config.texts()) == 1


@pytest.mark.parametrize("name", ["../valve", "valve\0", "..", "~root", "VALVE", "a" * 300])
def test_the_name_of_a_line_is_no_path(name):
    if "/" in name:
        assert not find_line(name).exists()
        return
    with pytest.raises(ConfigError, match="there is no line"):
        find_line(name)


@pytest.mark.parametrize("pattern", [p for p in PATTERN_WORDS if p != LABEL_TEXT_PATTERN])  # that one is only printed
@pytest.mark.parametrize("name", ["a/b", "../a", "..", ".", "a\\b", "a\n", "a b", "", "/a"])
def test_no_name_of_a_description_can_be_a_path(pattern, name):
    """Names become parts of file names and of ROS names: journal, log and topic."""
    with pytest.raises(ValidationError):
        TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)]).validate_python(name)


@pytest.mark.parametrize("quantity", [0, -1, 100_001, 10**17, 1e3])
def test_an_order_of_absurd_size_is_refused(tmp_path, quantity):
    path = tmp_path / "order.yaml"
    path.write_text(f"kind: order\nproduct: valve\nlines: [{{quantity: {quantity}}}]\n")
    with pytest.raises(ConfigError, match="quantity"):
        load_order(path, load_line("valve"))


def test_a_folder_of_bad_files_tells_of_every_one(tmp_path):
    for number in range(50):
        (tmp_path / f"{number}.yaml").write_text("".join(random.Random(number).choices(string.printable, k=100)))
    assert {issue.file.rpartition("/")[2] for issue in check_paths([tmp_path])} == {f"{n}.yaml" for n in range(50)}


# --- robot files ---------------------------------------------------------------------------------------------------------

ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha"}">' for n in range(12))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (f"<!DOCTYPE robot [{ENTITIES}]><robot>&e11;</robot>", "a document type (<!DOCTYPE>) is not allowed"),
        ('<!DOCTYPE robot [<!ENTITY e SYSTEM "file:///etc/passwd">]><robot>&e;</robot>', "a document type"),
        ("<robot>" + "<a>" * 100_000, f"its elements are nested deeper than {MOST_DEPTH} levels"),
        ("<robot>" + "".join(f'<link name="l{n}"/>' for n in range(MOST_LINKS + 1)) + "</robot>", "there are 301 links"),
        ("<robot><link name='a'><visual><geometry><sphere radius='1e999'/></geometry></visual></link></robot>", "1e999"),
        ("<robot><link name='a'><inertial><mass value='nan'/><inertia/></inertial></link></robot>", "'nan'"),
        ("\x00\x01", "no XML"),
        ("<robot>" + " " * 4_000_001, "it is larger than 4000000 bytes"),
    ],
)
def test_a_hostile_urdf_is_refused(tmp_path, text, error):
    path = tmp_path / "robot.urdf"
    path.write_text(text)
    assert error in robot_error(path)


def test_a_urdf_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "robot.urdf"
    path.write_bytes(b"<robot>\xff\xfe</robot>")
    assert "it cannot be read: 'utf-8' codec" in robot_error(path)


def test_a_mesh_elsewhere_is_refused(tmp_path):
    mesh = tmp_path / "mesh.stl"
    mesh.write_text("solid a\nendsolid a\n")
    folder = tmp_path / "robot"
    folder.mkdir()
    chain = "".join(
        f'<link name="l{n}"/><joint name="j{n}" type="continuous"><parent link="l{n}"/><child link="l{n + 1}"/></joint>'
        for n in range(4)
    )
    for name in ("../mesh.stl", str(mesh), f"file://{mesh}", "package://robot/../mesh.stl"):
        look = f'<visual><geometry><mesh filename="{name}"/></geometry></visual>'
        (folder / "robot.urdf").write_text(f'<robot name="r">{chain}<link name="l4">{look}</link></robot>')
        robot = read_robot_file(folder / "robot.urdf")
        with pytest.raises(RobotFileError, match=r"mesh.stl lies outside of .*/robot. Put it into the robot file's folder."):
            felt(robot, robot.chain())


# --- xacro: a program, kept in bounds --------------------------------------------------------------------------------------


def test_a_xacro_may_read_its_own_folder(tmp_path):
    (tmp_path / "size.yaml").write_text("name: mine")
    path = tmp_path / "robot.urdf.xacro"
    path.write_text(XACRO.format("<link name=\"${xacro.load_yaml('size.yaml')['name']}\"/>"))
    assert list(read_robot_file(path).links) == ["mine"]


@pytest.mark.parametrize(
    "inside",
    [
        "<xacro:include filename='/etc/passwd'/>",
        "<xacro:include filename='../outside.xacro'/>",
        "<link name=\"${xacro.load_yaml('/etc/passwd')}\"/>",
        "<link name=\"${xacro.load_yaml('../outside.xacro')}\"/>",
    ],
)
def test_a_xacro_cannot_read_files_elsewhere(tmp_path, inside):
    (tmp_path / "outside.xacro").write_text(XACRO.format('<link name="secret"/>'))
    folder = tmp_path / "robot"
    folder.mkdir()
    error = xacro_error(folder, inside)
    assert "a xacro may not open what lies outside of its package" in error
    assert "secret" not in error


def test_a_xacro_may_read_what_an_installed_package_links_to(tmp_path, monkeypatch):
    """`colcon build --symlink-install` installs links to the sources; a way around by '..' is none."""
    source, share, folder = (tmp_path / name for name in ("source", "install/share", "robot"))
    index = share / "ament_index" / "resource_index" / "packages"
    for made in (source, index, share / "acme", folder):
        made.mkdir(parents=True)
    (index / "acme").touch()
    (source / "parts.xacro").write_text(XACRO.format('<link name="theirs"/>'))
    (share / "acme" / "parts.xacro").symlink_to(source / "parts.xacro")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(share.parent))
    path = folder / "robot.urdf.xacro"
    path.write_text(XACRO.format("<xacro:include filename='$(find acme)/parts.xacro'/>"))
    assert list(read_robot_file(path).links) == ["theirs"]
    error = xacro_error(folder, "<xacro:include filename='$(find acme)/../../../source/parts.xacro'/>")
    assert "a xacro may not open what lies outside of its package" in error


def test_a_xacro_sees_no_secrets_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SITE_PASSWORD", "secret")
    error = xacro_error(tmp_path, '<link name="$(env SITE_PASSWORD)"/>')
    assert "environment variable 'SITE_PASSWORD' is not set" in error


@pytest.mark.parametrize(
    "inside",
    [
        '<xacro:macro name="m"><xacro:m/></xacro:macro><xacro:m/>',
        "<link name=\"${'a' * 10**10}\"/>",
        "<link name=\"${['a' * 10**6] * 100}\"/>",
    ],
)
def test_a_xacro_without_end_comes_to_one(tmp_path, inside, monkeypatch):
    assert "xacro: " in xacro_error(tmp_path, inside)


def test_a_xacro_that_computes_for_ever_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(xacro_files, "WALL_S", 2.0)
    error = xacro_error(tmp_path, '<link name="${9**9**9}"/>')
    assert "xacro: it did not become URDF within its limits" in error


def test_an_entity_bomb_in_a_xacro_comes_to_an_end(tmp_path):
    path = tmp_path / "robot.urdf.xacro"
    path.write_text(f"<!DOCTYPE robot [{ENTITIES}]>" + XACRO.format("<link name='a'>&e11;</link>"))
    assert "xacro: " in robot_error(path)


def test_a_xacro_that_breaks_out_of_its_expressions_cannot_start_programs(tmp_path):
    """Python's own ways out of a restricted eval lead to the audit hook."""
    program = (
        "import sys, os\n"
        "from microcell.motion import xacro_files\n"
        f"roots = ({str(tmp_path)!r} + os.sep,)\n"
        "sys.addaudithook(lambda event, details: xacro_files._watch(event, details, roots))\n"
        "for work in (lambda: os.system('true'), lambda: os.fork(), lambda: os.execv('/bin/true', ['true']),\n"
        "             lambda: open('/etc/passwd'), lambda: open(roots[0] + 'new', 'w'), lambda: os.remove(roots[0] + 'x'),\n"
        "             lambda: __import__('socket').socket().connect(('127.0.0.1', 9))):\n"
        "    try:\n"
        "        work()\n"
        "    except PermissionError as error:\n"
        "        print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["refused"] * 7, done.stderr


def test_a_xacro_cannot_read_the_working_directory_or_bring_its_own_modules(tmp_path, monkeypatch):
    elsewhere = tmp_path / "work"
    elsewhere.mkdir()
    (elsewhere / "json.py").write_text("raise SystemExit('a module of the working directory was run')")
    (elsewhere / "secret.yaml").write_text("a: 1")
    monkeypatch.chdir(elsewhere)
    folder = tmp_path / "robot"
    folder.mkdir()
    error = xacro_error(folder, f"<link name=\"${{xacro.load_yaml('{elsewhere}/secret.yaml')}}\"/>")
    assert "a xacro may not open what lies outside of its package" in error
