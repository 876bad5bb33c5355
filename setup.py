"""Package microcell: the Python package, its executables and its share folder, for pip and colcon alike."""

import re
from pathlib import Path

from setuptools import find_packages, setup

NAME = "microcell"
HERE = Path(__file__).resolve().parent
SHARED_FOLDERS = ("launch", "config", "urdf")


def requirements(name):
    """Return the requirements listed in requirements/<name>.txt, without comments."""
    lines = (HERE / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [text for line in lines if (text := line.split("#")[0].strip())]


def version():
    """Return the version that microcell/__init__.py states."""
    text = (HERE / NAME / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE).group(1)


def shared_files():
    """Map each folder under <prefix>/share/microcell to the files that go there."""
    folders = {}
    for name in SHARED_FOLDERS:
        for path in sorted((HERE / name).rglob("*")):
            relative = path.relative_to(HERE)
            hidden = any(part.startswith((".", "__pycache__")) for part in relative.parts)
            if path.is_file() and not hidden:
                folders.setdefault(f"share/{NAME}/{relative.parent}", []).append(str(relative))
    return list(folders.items())


setup(
    name=NAME,
    version=version(),
    description="A ROS 2 stack for modular automation cells: assembly, inspection, packaging, tool changes",
    license="Apache-2.0",
    maintainer="The microcell engineers",
    maintainer_email="maintainers@microcell.example",
    python_requires=">=3.10",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={"": ["py.typed", "*.xml", "*.html", "*.css", "*.js", "*.svg", "*.json", "static/*"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        *shared_files(),
    ],
    install_requires=requirements("runtime"),
    extras_require={name: requirements(name) for name in ("text", "view", "excel")} | {"test": requirements("dev")},
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "microcell = microcell.cli:main",
            "gazebo = microcell.nodes.gazebo:main",
            "hardware = microcell.nodes.hardware:main",
            "skill_server = microcell.nodes.skill_server:main",
            "orchestrator = microcell.nodes.orchestrator:main",
        ],
    },
)
