"""Heavy libraries are there, or are missed with words that help."""

from __future__ import annotations

import importlib

import pytest

from microcell import libraries
from microcell.errors import MissingCapabilityError


def test_open3d_casts_rays_without_a_screen() -> None:
    o3d = libraries.open3d()
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(o3d.t.geometry.TriangleMesh.create_box(1.0, 1.0, 1.0))
    rays = o3d.core.Tensor([[0.5, 0.5, 3.0, 0.0, 0.0, -1.0]], dtype=o3d.core.Dtype.Float32)
    assert scene.cast_rays(rays)["t_hit"].numpy() == pytest.approx([2.0])


def test_without_open3d_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"no module {name}")

    libraries.open3d.cache_clear()
    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(MissingCapabilityError, match="pip install open3d-cpu libusb-package"):
        libraries.open3d()
    libraries.open3d.cache_clear()
