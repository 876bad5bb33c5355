"""A `gz` and a bridge that behave as the real ones do where it matters to whoever starts them.

`gz sim` is a script around others: with a window it forks server and window, each into a process group of its own, and what
interrupts the script does not reach them. It ends with 0 whatever happened; what it refused stands in its output.
"""

from __future__ import annotations

import os
from pathlib import Path

GZ = """#!{python}
import json, os, signal, sys, time
from pathlib import Path

def child(name):
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        Path("{folder}", name).write_text(str(os.getpid()))
        while True:
            time.sleep(1.0)

if sys.argv[1] == "topic":
    pose = {{"name": "item_7", "id": 7, "position": {{"x": 0.5, "z": 0.25}}, "orientation": {{"w": 1}}}}
    print("a line of something else", flush=True)
    print(json.dumps({{"header": {{}}, "pose": [pose]}}), flush=True)
elif "sdf version" not in Path(sys.argv[-1]).read_text():
    print("[Err] [Server.cc:139] Error Code 17: Unable to read SDF", flush=True)
    sys.exit(0)
elif "-s" not in sys.argv:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child("server")
    child("window")
Path("{folder}", sys.argv[1]).write_text(str(os.getpid()))
while True:
    time.sleep(1.0)
"""

BRIDGE = """#!{python}
import os, time
from pathlib import Path
Path("{folder}", "bridge").write_text(str(os.getpid()))
while True:
    time.sleep(1.0)
"""


def install(folder: Path, python: str) -> dict[str, str]:
    """Put both below a folder; the variables with which they are found. Each process writes its pid to a file there."""
    program, bridge = folder / "bin" / "gz", folder / "lib" / "ros_gz_bridge" / "parameter_bridge"
    for path, text in ((program, GZ), (bridge, BRIDGE)):
        path.parent.mkdir(parents=True)
        path.write_text(text.format(python=python, folder=folder), encoding="utf-8")
        path.chmod(0o755)
    return {"PATH": f"{program.parent}:{os.environ['PATH']}", "AMENT_PREFIX_PATH": str(folder)}


def pid_of(folder: Path, name: str) -> int | None:
    """The pid that a process wrote; None before it did."""
    path = folder / name
    text = path.read_text() if path.is_file() else ""
    return int(text) if text else None


def lives(pid: int) -> bool:
    """Whether a process is there and is not only waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
