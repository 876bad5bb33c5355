"""Cameras calibrated: their optics from boards, their place on or beside an arm from poses, their scale on a plane."""
