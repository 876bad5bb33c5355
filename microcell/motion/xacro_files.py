"""Xacro files become URDF. A xacro is a program: it evaluates Python and reads other files.

Those that come with the package are worked out in this process. All others are in a process of their own that has little
time and memory, no secrets in its environment, and may only read: its package, the shipped robots and installed ROS
packages. That stops mistakes and clumsy malice; take robots, like any program, only from whom you trust.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from microcell.errors import MicrocellError
from microcell.paths import share_directory

MAX_URDF_BYTES = 4_000_000
CPU_S = 20
WALL_S = 60.0
MEMORY_BYTES = 1_000_000_000
_CHILD = (
    "import sys; sys.path[:] = [entry for entry in sys.path if entry]; "  # nothing from the working directory
    "from microcell.motion.xacro_files import main; sys.exit(main())"
)
_ENVIRONMENT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "AMENT_PREFIX_PATH", "ROS_PACKAGE_PATH", "LANG", "LC_ALL")
_FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "subprocess.Popen",
              "socket.", "ctypes.", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.symlink", "os.link", "os.chmod",
              "os.chown", "os.truncate", "os.kill", "os.killpg", "shutil.", "urllib.Request", "webbrowser.open")  # fmt: skip
"""Audit events (PEP 578) that no xacro needs."""


class XacroError(MicrocellError):
    """A xacro file that does not become URDF; the message says why in one line."""


def processed(path: Path, arguments: Mapping[str, str]) -> str:
    """The URDF that a xacro file becomes. Raises XacroError."""
    if _is_shipped(path):
        return _expand(path, arguments)
    answer = _ask_child(path, arguments)
    if "error" in answer:
        raise XacroError(str(answer["error"]))
    return str(answer["urdf"])


def _is_shipped(path: Path) -> bool:
    try:
        return path.resolve().is_relative_to((share_directory() / "urdf").resolve())
    except FileNotFoundError:
        return False


def _expand(path: Path, arguments: Mapping[str, str]) -> str:
    from xml.parsers.expat import ExpatError

    import xacro

    try:
        return str(xacro.process_file(str(path), mappings=dict(arguments)).toxml())
    except (xacro.XacroException, ExpatError, OSError, ValueError, NameError, RecursionError) as error:
        raise XacroError(_told(error)) from error


def _told(error: Exception) -> str:
    """What was wrong, in one line."""
    text = " ".join(str(error).split())
    if "AMENT_PREFIX_PATH" in text:
        return "it looks for a ROS package with $(find), and none is known here: AMENT_PREFIX_PATH is not set"
    return text


# --- the parent ----------------------------------------------------------------------------------------------------------


def _ask_child(path: Path, arguments: Mapping[str, str]) -> dict[str, Any]:
    """What the process for this file says, within bounds."""
    told = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    told["PYTHONPATH"] = os.pathsep.join(entry for entry in sys.path if entry)
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=told,
        start_new_session=True,
    )
    timer = threading.Timer(WALL_S, child.kill)
    timer.start()
    try:
        return _conversation(child, {"path": str(path), "arguments": dict(arguments)})
    finally:
        timer.cancel()
        child.kill()
        child.wait()


def _conversation(child: subprocess.Popen[bytes], question: dict[str, Any]) -> dict[str, Any]:
    if child.stdin is None or child.stdout is None:
        raise XacroError("its process has no pipes")
    with child.stdin as asked, child.stdout as told:
        try:
            asked.write(json.dumps(question).encode())
            asked.close()
        except BrokenPipeError:
            pass  # what it said before it ended tells more
        text = told.read(2 * MAX_URDF_BYTES)
    try:
        answer = json.loads(text)
    except ValueError:
        limits = f"{CPU_S} s, {MEMORY_BYTES // 1_000_000} MB of memory, {MAX_URDF_BYTES // 1_000_000} MB of URDF"
        raise XacroError(f"it did not become URDF within its limits ({limits})") from None
    return answer if isinstance(answer, dict) else {"error": "its process gave no answer"}


# --- the child -----------------------------------------------------------------------------------------------------------


def main() -> int:
    """Expand one file whose path and arguments come on standard input; the answer goes to standard output as JSON."""
    question = json.loads(sys.stdin.buffer.read())
    path = Path(question["path"])
    import xacro
    import yaml

    _limit()
    roots = _readable(path, [Path(module.__file__ or "").parents[1] for module in (xacro, yaml)])
    installed = tuple(str(prefix) + os.sep for prefix in _installed())
    sys.addaudithook(lambda event, details: _watch(event, details, roots, installed))
    try:
        urdf = _expand(path, question["arguments"])
        too_large = len(urdf) > MAX_URDF_BYTES
        answer = {"error": f"it becomes more than {MAX_URDF_BYTES} bytes of URDF"} if too_large else {"urdf": urdf}
    except Exception as error:  # noqa: BLE001 - a program of others may raise anything; the parent tells it
        answer = {"error": f"{error}"[:2000] or type(error).__name__}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    return 0


def _limit() -> None:
    import resource

    for which, most in ((resource.RLIMIT_CPU, CPU_S), (resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CORE, 0)):
        try:
            resource.setrlimit(which, (most, most))
        except (ValueError, OSError):
            continue  # it is lower already, or this system has no such limit


def _readable(path: Path, libraries: list[Path]) -> tuple[str, ...]:
    """Folders of which a xacro may read: its package (without one, its folder), shipped robots, installed packages."""
    package = next((folder for folder in path.parents if (folder / "package.xml").is_file()), path.parent)
    installed = _installed()
    python = [Path(sysconfig.get_paths()[name]) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    try:
        installed.append(share_directory() / "urdf")
    except FileNotFoundError:
        installed = [*installed]
    return tuple(str(folder.resolve()) + os.sep for folder in (package, *installed, *python, *libraries) if folder.is_dir())


def _installed() -> list[Path]:
    """Where ROS packages are installed."""
    return [Path(entry).absolute() for entry in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if entry]


def _watch(event: str, details: tuple[Any, ...], roots: tuple[str, ...], installed: tuple[str, ...] = ()) -> None:
    """Refuse what no xacro needs; PermissionError ends the file.

    What is a link in an installed package was put there by who installed it: `colcon build --symlink-install` does.
    """
    if event == "open":
        name, mode = details[0], details[1]
        if isinstance(name, int):
            return
        text = os.fsdecode(name)
        linked = text.startswith(installed) and os.pardir not in Path(text).parts
        if (mode and set(mode) & set("wax+")) or not (linked or os.path.realpath(text).startswith(roots)):
            raise PermissionError(errno.EACCES, "a xacro may not open what lies outside of its package", os.fsdecode(name))
    elif event.startswith(_FORBIDDEN):
        raise PermissionError(errno.EPERM, "a xacro may not do this", event)
