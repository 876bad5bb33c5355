"""Resolve the requirements afresh on every supported Python and write the exact pins, requirements/lock.txt.

One line per package where all Pythons agree, else one per version with the Pythons it is for. Run it by
`make lock` after a change of requirements/*.txt, on a machine that has Python 3.10 to 3.13; then test each.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
FILES = ("runtime", "ros", "dev")
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
HEADER = """\
# Exact pins of everything that make env installs, written by tools/lock.py. Change a range in runtime.txt,
# ros.txt or dev.txt and run make lock rather than editing this file.
"""


def resolve(python: str) -> dict[str, str]:
    """Return the version of each package that pip would install on this Python."""
    wanted = [argument for name in FILES for argument in ("-r", str(REQUIREMENTS / f"{name}.txt"))]
    install = ["install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-"]
    command = [python, "-m", "pip", *install, *wanted]
    report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    packages = (item["metadata"] for item in report["install"])
    return {normalised(package["name"]): package["version"] for package in packages}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def lock_lines(resolved: dict[str, dict[str, str]]) -> list[str]:
    """Merge the resolutions (by Python version) into constraint lines."""
    lines = []
    for package in sorted({name for versions in resolved.values() for name in versions}):
        pythons_of = defaultdict(list)
        for python, versions in resolved.items():
            if package in versions:
                pythons_of[versions[package]].append(python)
        for version, pythons in pythons_of.items():
            lines.append(f"{package}=={version}" + ("" if len(pythons_of) == 1 else marker(pythons)))
    return lines


def marker(pythons: list[str]) -> str:
    return " ; " + " or ".join(f'python_version == "{python}"' for python in pythons)


def main() -> int:
    resolved = {}
    for python in PYTHONS:
        print(f"resolving for Python {python} ...", flush=True)
        resolved[python] = resolve(f"python{python}")
    lines = lock_lines(resolved)
    (REQUIREMENTS / "lock.txt").write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"{REQUIREMENTS / 'lock.txt'}: {len(lines)} pins")
    return 0


if __name__ == "__main__":
    sys.exit(main())
