"""What `make env` does again and what it does not, and what it says when something is missing."""

import os
import sys
import sysconfig

import pytest


class Stages:
    """Stages that note that they were done, or break."""

    def __init__(self, bootstrap, monkeypatch):
        self.keys = {"venv": "1", "packages": "1", "interfaces": "1"}
        self.broken = None
        self.done = []
        monkeypatch.setattr(bootstrap, "stages", self.list)
        monkeypatch.setattr(bootstrap, "check_machine", lambda environment: None)

    def list(self, environment):
        for name, key in self.keys.items():
            yield name, key, name, lambda environment, name=name: self.work(name)

    def work(self, name):
        if name == self.broken:
            raise KeyboardInterrupt
        self.done.append(name)


@pytest.fixture
def stages(bootstrap, monkeypatch):
    return Stages(bootstrap, monkeypatch)


def test_a_second_run_does_nothing(bootstrap, environment, stages):
    assert bootstrap.bootstrap(environment)
    stages.done.clear()

    assert not bootstrap.bootstrap(environment)
    assert stages.done == []


def test_an_interrupted_run_is_taken_up_where_it_stopped(bootstrap, environment, stages):
    stages.broken = "packages"
    with pytest.raises(KeyboardInterrupt):
        bootstrap.bootstrap(environment)
    stages.broken = None

    bootstrap.bootstrap(environment)

    assert stages.done == ["venv", "packages", "interfaces"]


def test_a_stage_interrupted_while_it_is_done_again_does_not_count_as_done(bootstrap, environment, stages):
    bootstrap.bootstrap(environment)
    stages.done.clear()
    stages.keys["packages"], stages.broken = "2", "packages"
    with pytest.raises(KeyboardInterrupt):
        bootstrap.bootstrap(environment)
    stages.keys["packages"], stages.broken = "1", None

    bootstrap.bootstrap(environment)

    assert stages.done == ["packages"]


def test_a_changed_interface_rebuilds_the_interfaces_only(bootstrap, environment, tmp_path, monkeypatch):
    interfaces = tmp_path / "microcell_interfaces"
    (interfaces / "msg").mkdir(parents=True)
    (interfaces / "msg" / "Fault.msg").write_text("string code\n")
    monkeypatch.setattr(bootstrap, "INTERFACES", interfaces)
    before = {name: key for name, key, *_ in bootstrap.stages(environment)}

    (interfaces / "msg" / "Fault.msg").write_text("string code\nstring cause\n")

    after = {name: key for name, key, *_ in bootstrap.stages(environment)}
    assert {name for name in before if before[name] != after[name]} == {"interfaces"}


def test_a_changed_pin_renews_all_that_stands_on_the_packages(bootstrap, environment, tmp_path, monkeypatch):
    for file in bootstrap.REQUIREMENTS.glob("*.txt"):
        (tmp_path / file.name).write_text(file.read_text())
    monkeypatch.setattr(bootstrap, "REQUIREMENTS", tmp_path)
    before = {name: key for name, key, *_ in bootstrap.stages(environment)}

    (tmp_path / "lock.txt").write_text("numpy==1.26.4\n")

    after = {name: key for name, key, *_ in bootstrap.stages(environment)}
    assert {name for name in before if before[name] != after[name]} == {"packages", "interfaces", "project"}


def test_the_hash_tells_a_renamed_file_and_moved_content(bootstrap, tmp_path):
    (tmp_path / "a").write_text("xy")
    (tmp_path / "b").write_text("")
    first = bootstrap.digest(tmp_path)
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").write_text("y")
    second = bootstrap.digest(tmp_path)
    (tmp_path / "b").rename(tmp_path / "c")

    assert len({first, second, bootstrap.digest(tmp_path)}) == 3


def test_a_failed_command_shows_the_end_of_its_output_and_what_to_do(bootstrap, environment):
    program = "import sys; print('first line'); sys.exit('no space left on device')"
    with pytest.raises(bootstrap.BootstrapError) as caught:
        bootstrap.run(environment, "packages", [sys.executable, "-c", program], "Make room, then: make env.")

    message = str(caught.value)
    assert "no space left on device" in message
    assert "ended with status 1. Make room, then: make env." in message
    assert str(environment.work / "packages.log") in message


def test_a_folder_that_is_no_environment_is_never_cleared(bootstrap, environment):
    environment.prefix.mkdir()
    (environment.prefix / "thesis.tex").write_text("years of work")

    with pytest.raises(bootstrap.BootstrapError, match="is no virtual environment. Move it away"):
        bootstrap.make_venv(environment)

    assert (environment.prefix / "thesis.tex").exists()


def test_all_that_the_machine_lacks_is_told_at_once(bootstrap, environment, monkeypatch):
    monkeypatch.setattr(bootstrap, "python_lacks", lambda: ["Python.h"])
    monkeypatch.setenv("CC", "no-such-compiler -m64")
    monkeypatch.setenv("CXX", "no-such-compiler++")

    with pytest.raises(bootstrap.BootstrapError) as caught:
        bootstrap.check_machine(environment)

    message = str(caught.value)
    assert "  - Python.h\n  - a C compiler: no-such-compiler -m64 is not" in message
    assert "a C++ compiler: no-such-compiler++" in message
    assert message.endswith("sudo apt install build-essential python3-dev python3-venv")


def test_a_python_that_is_too_new_or_has_no_venv_is_named(bootstrap, monkeypatch):
    monkeypatch.setattr(bootstrap, "NEWEST_PYTHON", (3, 9))
    monkeypatch.setitem(sys.modules, "venv", None)

    lacks = bootstrap.python_lacks()

    assert lacks[0].startswith("Python 3.10 to 3.13 (this is ")
    assert lacks[1].startswith("the Python module venv for") and "python3-venv" in lacks[1]


def test_a_machine_without_ros_wheels_is_sent_to_a_distribution(bootstrap, environment, monkeypatch):
    monkeypatch.setattr(bootstrap.platform, "machine", lambda: "aarch64")

    with pytest.raises(bootstrap.BootstrapError, match="install ROS 2 Jazzy or Kilted and source its"):
        bootstrap.check_machine(environment)


def test_a_sourced_distribution_that_this_python_cannot_use_is_refused(bootstrap, monkeypatch):
    nowhere = bootstrap.Environment(bootstrap.ROOT / "nowhere", distribution="jazzy")
    monkeypatch.setattr(bootstrap.sys, "executable", "/bin/false")
    monkeypatch.setattr(bootstrap.shutil, "which", lambda *_, **__: "/usr/bin/cmake")

    (lack,) = bootstrap.distribution_lacks(nowhere)

    assert "rclpy of the sourced ROS 2 jazzy for /bin/false" in lack
    assert "make env PYTHON=/usr/bin/python3" in lack


def test_the_wheels_cmake_files_are_turned_to_this_machine(bootstrap, environment):
    tag = f"{sys.version_info[0]}{sys.version_info[1]}"
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    exports = environment.prefix / "share" / "std_msgs" / "cmake" / "export.cmake"
    exports.parent.mkdir(parents=True)
    there = f"/opt/python/cp{tag}-cp{tag}"
    exports.write_text(f'"{there}/include/python{version};{there}/lib/python{version}/site-packages/numpy/x"')

    bootstrap.adapt_cmake_exports(environment)

    assert exports.read_text() == f'"{sysconfig.get_path("include")};{environment.site_packages}/numpy/x"'


def test_what_an_earlier_build_installed_goes_before_the_next(bootstrap, tmp_path):
    stale = tmp_path / "_old_message.py"
    stale.touch()
    manifest = tmp_path / "install_manifest.txt"
    manifest.write_text(f"{stale}\n{tmp_path / 'already_gone.py'}\n")

    bootstrap.remove_installed(manifest)

    assert not stale.exists() and not manifest.exists()


def test_other_ros_prefixes_do_not_reach_an_environment_of_its_own(bootstrap, environment, monkeypatch):
    for name in ("AMENT_PREFIX_PATH", "CMAKE_PREFIX_PATH", "PYTHONPATH"):
        monkeypatch.setenv(name, "/elsewhere")

    variables = environment.variables()

    assert variables["AMENT_PREFIX_PATH"] == variables["CMAKE_PREFIX_PATH"] == str(environment.prefix)
    assert "PYTHONPATH" not in variables
    assert variables["PATH"].split(os.pathsep)[0] == str(environment.prefix / "bin")


def test_a_sourced_distribution_stays_behind_our_own_prefix(bootstrap, tmp_path, monkeypatch):
    monkeypatch.setenv("AMENT_PREFIX_PATH", "/opt/ros/jazzy")
    monkeypatch.setenv("PYTHONPATH", "/opt/ros/jazzy/lib/python3.12/site-packages")
    on_top = bootstrap.Environment(tmp_path, distribution="jazzy")

    variables = on_top.variables()

    assert variables["AMENT_PREFIX_PATH"] == f"{tmp_path}:/opt/ros/jazzy"
    assert variables["PYTHONPATH"] == "/opt/ros/jazzy/lib/python3.12/site-packages"
