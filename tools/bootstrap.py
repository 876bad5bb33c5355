"""Make the environment of this checkout: a virtual environment with ROS 2, our interfaces and microcell.

Four stages. Each has a stamp, a hash of all that the stage depends on, written only after it succeeded: a
second run does nothing, an interrupted run is taken up where it stopped, a changed .msg file rebuilds the
interfaces alone. Runs on the standard library of Python 3.10 to 3.13.

With a ROS 2 distribution sourced (ROS_DISTRO is set) the environment sits on top of it; otherwise ROS 2
Kilted comes from PyPI, and the virtual environment is the ROS prefix, so that nothing has to be sourced.
"""

from __future__ import annotations

import argparse
import fcntl
import glob
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INTERFACES = ROOT / "microcell_interfaces"
REQUIREMENTS = ROOT / "requirements"
OLDEST_PYTHON, NEWEST_PYTHON = (3, 10), (3, 13)
APT_LINE = "sudo apt install build-essential python3-dev python3-venv"


class BootstrapError(Exception):
    """Something that the user has to put right; the message says what and how."""


@dataclass(frozen=True)
class Environment:
    """The virtual environment to make, and what it stands on."""

    prefix: Path
    distribution: str | None  # the sourced ROS 2 distribution, None: ROS 2 from PyPI

    @property
    def python(self) -> Path:
        return self.prefix / "bin" / "python3"

    @property
    def work(self) -> Path:
        """Stamps, logs and build trees, kept out of the way inside the environment."""
        return self.prefix / "bootstrap"

    @cached_property
    def site_packages(self) -> Path:
        return self.prefix / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"

    def variables(self) -> dict[str, str]:
        """Return the process environment for building and running inside the virtual environment."""
        values = dict(os.environ, VIRTUAL_ENV=str(self.prefix), PYTHONNOUSERSITE="1")
        # Other Pythons and ROS prefixes would shadow ours; a sourced distribution stays.
        foreign = ["PYTHONHOME", "_ROS_WHEELS_BOOTSTRAP_COMPLETE"]
        foreign += [] if self.distribution else ["PYTHONPATH", "AMENT_PREFIX_PATH", "CMAKE_PREFIX_PATH"]
        for name in foreign:
            values.pop(name, None)
        prefixes = joined(str(self.prefix), values.get("AMENT_PREFIX_PATH"))
        libraries = [str(self.prefix / "lib"), *glob.glob(str(self.site_packages / "ros_*.libs"))]
        values["PATH"] = joined(str(self.prefix / "bin"), values.get("PATH"))
        values["AMENT_PREFIX_PATH"] = prefixes
        values["CMAKE_PREFIX_PATH"] = joined(prefixes, values.get("CMAKE_PREFIX_PATH"))
        values["LD_LIBRARY_PATH"] = joined(*libraries, values.get("LD_LIBRARY_PATH"))
        return values


def joined(*paths: str | None) -> str:
    """Return a search path of those given that are not empty."""
    return os.pathsep.join(path for path in paths if path)


def say(text: str) -> None:
    print(f"microcell environment: {text}", flush=True)


# --- stamps -------------------------------------------------------------------------------------------------


def digest(*parts: str | Path) -> str:
    """Return a hash of the given texts, and of the names and contents of the given files and folders."""
    whole = hashlib.sha256()
    for part in parts:
        for item in [part] if isinstance(part, str) else files_under(part):
            name = os.path.relpath(item, ROOT) if isinstance(item, Path) else "text"
            content = item.read_bytes() if isinstance(item, Path) else item.encode()
            whole.update(f"{name}:{len(content)}:".encode() + content)
    return whole.hexdigest()


def files_under(path: Path) -> list[Path]:
    """Return the file itself, or all files of a folder, in an order that does not change."""
    return sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]


def stamp_file(environment: Environment, stage: str) -> Path:
    return environment.work / f"{stage}.stamp"


def is_done(environment: Environment, stage: str, key: str) -> bool:
    path = stamp_file(environment, stage)
    return path.is_file() and path.read_text(encoding="utf-8") == key


def mark_done(environment: Environment, stage: str, key: str) -> None:
    """Write the stamp in one step: a stamp is there whole or not at all."""
    path = stamp_file(environment, stage)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(key, encoding="utf-8")
    unfinished.replace(path)


# --- running commands ---------------------------------------------------------------------------------------


def run(environment: Environment, log_name: str, command: list[str | Path], advice: str) -> None:
    """Run a command with its output in a log; on failure show the log's end and the advice."""
    log = environment.work / f"{log_name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as output:
        output.write(f"$ {' '.join(map(str, command))}\n")
        output.flush()
        status = subprocess.call(
            [str(part) for part in command],
            env=environment.variables(),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    if status != 0:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-40:])
        raise BootstrapError(f"{tail}\n\n{command[0]} ended with status {status}. {advice}\nWhole log: {log}")


def pip_install(environment: Environment, log_name: str, *arguments: str | Path) -> None:
    advice = "Read the first ERROR above; if the package index is not reached, configure pip. Then: make env."
    pip = [environment.python, "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
    run(environment, log_name, [*pip, *arguments], advice)


# --- what the machine must have -----------------------------------------------------------------------------


def check_machine(environment: Environment) -> None:
    """Raise a BootstrapError that lists everything this machine lacks, with the line that installs it."""
    lacks = [*python_lacks(), *compiler_lacks()]
    if environment.distribution:
        lacks += distribution_lacks(environment)
    elif (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        lacks.append(
            f"ROS 2: its wheels are for Linux x86_64, this is {platform.system()} {platform.machine()}; "
            "install ROS 2 Jazzy or Kilted and source its setup.bash first"
        )
    if lacks:
        listed = "".join(f"\n  - {lack}" for lack in lacks)
        raise BootstrapError(f"This machine lacks:{listed}\nOn Debian or Ubuntu: {APT_LINE}")


def python_lacks() -> list[str]:
    lacks = []
    found = sys.version_info[:2]
    if not OLDEST_PYTHON <= found <= NEWEST_PYTHON:
        this = platform.python_version()
        lacks.append(f"Python 3.10 to 3.13 (this is {this}): name another, as in make env PYTHON=python3.12")
    for module, package in (("venv", "python3-venv"), ("ensurepip", "python3-venv")):
        try:
            __import__(module)
        except ImportError:
            lacks.append(f"the Python module {module} for {sys.executable} (package {package})")
    if not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        lacks.append(f"Python.h for {sys.executable} (package python3-dev)")
    return lacks


def compiler_lacks() -> list[str]:
    wanted = (("CC", "cc", "a C compiler"), ("CXX", "c++", "a C++ compiler"))
    return [
        f"{what}: {command} is not on the path (package build-essential)"
        for variable, default, what in wanted
        if not shutil.which((command := os.environ.get(variable) or default).split()[0])
    ]


def sourced_distribution() -> str | None:
    """Return the name of the ROS 2 distribution that this shell has sourced."""
    return os.environ.get("ROS_DISTRO") if os.environ.get("AMENT_PREFIX_PATH") else None


def distribution_lacks(environment: Environment) -> list[str]:
    """Return what keeps the sourced ROS 2 distribution from being used here."""
    lacks = [] if shutil.which("cmake") else ["cmake (package cmake)"]
    command = [sys.executable, "-c", "import rclpy"]
    probe = subprocess.run(command, capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        reason = probe.stderr.strip().rpartition("\n")[2] or f"status {probe.returncode}"
        lacks.append(
            f"rclpy of the sourced ROS 2 {environment.distribution} for {sys.executable}: {reason}\n    Take "
            "the Python it was built for (make env PYTHON=/usr/bin/python3), or a shell without it"
        )
    return lacks


# --- the four stages ----------------------------------------------------------------------------------------


def make_venv(environment: Environment) -> None:
    """Make the virtual environment, from nothing: what an earlier, different one left behind goes."""
    prefix = environment.prefix
    if prefix.is_dir() and any(prefix.iterdir()) and not (prefix / "pyvenv.cfg").exists():
        raise BootstrapError(f"{prefix} is no virtual environment. Move it away, or choose another VENV=.")
    command = [sys.executable, "-m", "venv", "--clear", str(prefix)]
    command += ["--system-site-packages"] if environment.distribution else []
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        output = made.stdout + made.stderr
        raise BootstrapError(f"{output}\n{' '.join(command)} failed.\nOn Debian or Ubuntu: {APT_LINE}")
    (prefix / "COLCON_IGNORE").touch()


def requirement_files(environment: Environment) -> tuple[list[Path], Path]:
    """Return the requirement files to install, and the constraints to install them under."""
    if environment.distribution:
        return [REQUIREMENTS / "runtime.txt", REQUIREMENTS / "dev.txt"], REQUIREMENTS / "distribution.txt"
    return [REQUIREMENTS / f"{name}.txt" for name in ("runtime", "ros", "dev")], REQUIREMENTS / "lock.txt"


def install_packages(environment: Environment) -> None:
    files, constraints = requirement_files(environment)
    wanted = [argument for file in files for argument in ("-r", file)]
    pip_install(environment, "packages", *wanted, "-c", constraints)
    if not environment.distribution:
        adapt_cmake_exports(environment)


def adapt_cmake_exports(environment: Environment) -> None:
    """Replace, in the CMake files of the ROS wheels, the paths of the machine that built them by ours."""
    major, minor = sys.version_info[:2]
    foreign = f"/opt/python/cp{major}{minor}-cp{major}{minor}"
    here = {
        f"{foreign}/include/python{major}.{minor}": sysconfig.get_path("include"),
        f"{foreign}/lib/python{major}.{minor}/site-packages": str(environment.site_packages),
    }
    for path in (environment.prefix / "share").rglob("*.cmake"):
        text = adapted = path.read_text(encoding="utf-8")
        for there, replacement in here.items():
            adapted = adapted.replace(there, replacement)
        if adapted != text:
            path.write_text(adapted, encoding="utf-8")


def build_interfaces(environment: Environment) -> None:
    """Build microcell_interfaces and install it into the virtual environment."""
    build = environment.work / "microcell_interfaces"
    shutil.rmtree(build / "rosidl_generator_py", ignore_errors=True)  # installed whole, stale modules and all
    advice = "A wrong .msg, .srv or .action file is named above; if none is, start afresh: make clean-env."
    configure = ["cmake", "-S", INTERFACES, "-B", build, "-DBUILD_TESTING=OFF", "-DCMAKE_BUILD_TYPE=Release"]
    configure += [f"-DCMAKE_INSTALL_PREFIX={environment.prefix}"]
    configure += [f"-DPython3_EXECUTABLE={environment.python}"]
    configure += [] if environment.distribution else ["-G", "Ninja"]
    compile_all = ["cmake", "--build", build, "--parallel", str(os.cpu_count() or 1)]
    run(environment, "interfaces_configure", configure, advice)
    run(environment, "interfaces_build", compile_all, advice)
    remove_installed(build / "install_manifest.txt")
    run(environment, "interfaces_install", ["cmake", "--install", build], advice)
    if environment.distribution:
        source_interfaces_on_activation(environment)


def source_interfaces_on_activation(environment: Environment) -> None:
    """Let `source .venv/bin/activate` add our interfaces to the search paths of the sourced distribution."""
    activate = environment.prefix / "bin" / "activate"
    line = f'. "{environment.prefix / "share" / "microcell_interfaces" / "local_setup.sh"}"\n'
    text = activate.read_text(encoding="utf-8")
    if line not in text:
        activate.write_text(text + line, encoding="utf-8")


def remove_installed(manifest: Path) -> None:
    """Remove what the last installation put there, so that no module of a deleted message stays behind."""
    if manifest.is_file():
        for line in manifest.read_text(encoding="utf-8").splitlines():
            Path(line).unlink(missing_ok=True)
        manifest.unlink()


def install_project(environment: Environment) -> None:
    pip_install(environment, "project", "--no-build-isolation", "--no-deps", "--editable", ROOT)


# --- all together -------------------------------------------------------------------------------------------


def stages(environment: Environment):
    """Yield each stage in order: name, its key, what to tell, and the function that does it."""
    source = f"ROS 2 {environment.distribution}" if environment.distribution else "ROS 2 Kilted from PyPI"
    venv = digest(sys.version, os.path.realpath(sys.executable), str(environment.prefix), source)
    what = f"virtual environment {environment.prefix} (Python {platform.python_version()}, {source})"
    yield "venv", venv, what, make_venv
    files, constraints = requirement_files(environment)
    packages = digest(venv, *files, constraints)
    yield "packages", packages, "Python packages: about a minute on a fast line", install_packages
    interfaces = digest(packages, INTERFACES)
    yield "interfaces", interfaces, "building microcell_interfaces: about a minute", build_interfaces
    metadata = ("setup.py", "setup.cfg", "package.xml", "microcell/__init__.py")
    project = digest(packages, str(ROOT), *(ROOT / name for name in metadata))
    yield "project", project, f"installing microcell, editable from {ROOT}", install_project


def bootstrap(environment: Environment) -> bool:
    """Do the stages that are not done; return whether there were any."""
    worked = False
    for name, key, text, work in stages(environment):
        if is_done(environment, name, key):
            continue
        if not worked:
            check_machine(environment)
        worked = True
        say(f"{text} ...")
        started = time.monotonic()
        stamp_file(environment, name).unlink(missing_ok=True)
        work(environment)
        mark_done(environment, name, key)
        say(f"  done in {time.monotonic() - started:.1f} s")
    return worked


def only_one_at_a_time() -> int:
    """Wait until no other bootstrap runs in this checkout; the lock ends with the process."""
    handle = os.open(ROOT / "tools", os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another make env is at work here, waiting for it ...")
        fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def arguments_from_command_line() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv", help="where it goes (%(default)s)")
    parser.add_argument("--run", nargs=argparse.REMAINDER, metavar="COMMAND", help="then run a command in it")
    return parser.parse_args()


def main() -> int:
    arguments = arguments_from_command_line()
    lock = only_one_at_a_time()
    try:
        environment = Environment(Path(os.path.abspath(arguments.venv)), sourced_distribution())
        if bootstrap(environment):
            say(f"ready: {environment.prefix / 'bin' / 'microcell'} --help")
    except BootstrapError as error:
        print(f"{error}\nmicrocell environment: not ready.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nmicrocell environment: interrupted; make env goes on from here.", file=sys.stderr)
        return 130
    os.close(lock)
    if arguments.run:
        become(arguments.run, environment)
    return 0


def become(command: list[str], environment: Environment) -> None:
    """Run the command in place of this process, in the environment."""
    variables = environment.variables()
    program = shutil.which(command[0], path=variables["PATH"]) or command[0]
    os.execve(program, command, variables)


if __name__ == "__main__":
    sys.exit(main())
