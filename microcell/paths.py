"""Where the package's own data files are: `config/`, `launch/` and `urdf/`."""

from pathlib import Path


def share_directory(start: Path = Path(__file__)) -> Path:
    """Return the folder that holds `config/`, `launch/` and `urdf/`.

    That is the source tree where the package runs from one (in place, `pip install -e`, `colcon build
    --symlink-install`), so that edited data is read at once, and `<prefix>/share/microcell` elsewhere.
    Raises FileNotFoundError where neither is there.
    """
    for parent in start.resolve().parents:
        if (parent / "setup.py").is_file() and (parent / "package.xml").is_file():
            return parent
        if (parent / "share" / "microcell" / "package.xml").is_file():
            return parent / "share" / "microcell"
    raise FileNotFoundError(
        f"no share/microcell above {start.resolve()}: the package was copied without its data files. "
        "Install it with pip or colcon."
    )
