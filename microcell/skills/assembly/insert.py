"""Put the held part into its site of the unit, guided by force."""

from __future__ import annotations

from microcell.skills.inserting import Inserting


class Insert(Inserting):
    """Insert the held part: see `Inserting` for conditions and what is measured."""

    name = "insert"
    summary = "Puts the held part into its site, guided by force."


PLUGIN = Insert
