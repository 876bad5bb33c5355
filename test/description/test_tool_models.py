"""The shipped tools' models say the same as their descriptions; their solids stand in the models alone."""

from __future__ import annotations

import numpy as np
import pytest

from microcell.description.loader import load_document
from microcell.paths import share_directory

TOOLS = sorted((share_directory() / "config" / "tools").glob("*.yaml"))


@pytest.mark.parametrize("path", TOOLS, ids=lambda path: path.stem)
def test_a_tools_model_has_its_mass_its_centre_of_gravity_and_its_tcp(path):
    assert load_document(path).shape == ()
    xacro, pinocchio = pytest.importorskip("xacro"), pytest.importorskip("pinocchio")
    tool = load_document(path)
    document = xacro.process_file(str(share_directory() / "urdf" / "tools" / tool.model)).toxml()
    model = pinocchio.buildModelFromXML(document, pinocchio.JointModelFreeFlyer())  # counts the root's mass, too
    data = model.createData()
    rest = pinocchio.neutral(model)
    centre = pinocchio.centerOfMass(model, data, rest)
    pinocchio.framesForwardKinematics(model, data, rest)
    assert pinocchio.computeTotalMass(model) == pytest.approx(tool.mass_kg)
    assert centre == pytest.approx(np.array(tool.centre_of_gravity_m), abs=0.001)
    assert data.oMf[model.getFrameId("tcp")].translation == pytest.approx(np.array(tool.tcp_in_flange.xyz_m))
