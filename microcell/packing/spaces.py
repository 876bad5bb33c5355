"""The free spaces of a container: the largest boxes of air that stand on the floor or wholly on what is placed.

They overlap each other. One above a block is as large as the block's top; where tops of equal height meet, the spaces above
them are joined. So whatever is put on the floor of a space has full support.
"""

from __future__ import annotations

from collections.abc import Iterable

Space = tuple[int, int, int, int, int, int]
"""Low and high ends: x0, y0, z0, x1, y1, z1."""


def place(spaces: Iterable[Space], block: Space, least: tuple[int, int, int]) -> list[Space]:
    """The spaces that remain when a block is put into one of them; those too small for any box are left out."""
    kept, cut = [], []
    for space in spaces:
        if _meet(space, block):
            cut += _beside(space, block, least)
        else:
            kept.append(space)
    above = [(*block[:2], block[5], *block[3:5], _ceiling(spaces, block))]
    new = _largest(cut + [s for s in above if _holds(s, least)])
    new = [space for space in new if not any(_inside(space, other) for other in kept)]
    joined = _joined(new, kept, least)
    return _largest([*kept, *new, *joined]) if joined else kept + new


def _meet(a: Space, b: Space) -> bool:
    return a[0] < b[3] and b[0] < a[3] and a[1] < b[4] and b[1] < a[4] and a[2] < b[5] and b[2] < a[5]


def _inside(a: Space, b: Space) -> bool:
    return a[0] >= b[0] and a[1] >= b[1] and a[2] >= b[2] and a[3] <= b[3] and a[4] <= b[4] and a[5] <= b[5]


def _holds(space: Space, least: tuple[int, int, int]) -> bool:
    return space[3] - space[0] >= least[0] and space[4] - space[1] >= least[1] and space[5] - space[2] >= least[2]


def _beside(space: Space, block: Space, least: tuple[int, int, int]) -> list[Space]:
    """What is left of a space around a block that reaches into it; there is none below, where the block stands."""
    x0, y0, z0, x1, y1, z1 = space
    found: list[Space] = [
        (x0, y0, z0, block[0], y1, z1),
        (block[3], y0, z0, x1, y1, z1),
        (x0, y0, z0, x1, block[1], z1),
        (x0, block[4], z0, x1, y1, z1),
    ]
    return [s for s in found if _holds(s, least)]


def _ceiling(spaces: Iterable[Space], block: Space) -> int:
    """How high the space above a block's top reaches: as high as that in which it was placed."""
    return max(space[5] for space in spaces if _inside(block, space))


def _largest(spaces: list[Space]) -> list[Space]:
    """Those that are in no other one."""
    once = list(dict.fromkeys(spaces))
    return [s for s in once if not any(s is not other and _inside(s, other) for other in once)]


def _joined(new: list[Space], kept: list[Space], least: tuple[int, int, int]) -> list[Space]:
    """Spaces over two floors of equal height that meet along x or y."""
    found: list[Space] = []
    for a in new:
        for b in (*kept, *new):
            if a[2] != b[2] or a is b:
                continue
            x0, x1, y0, y1 = max(a[0], b[0]), min(a[3], b[3]), max(a[1], b[1]), min(a[4], b[4])
            top = min(a[5], b[5])
            if x0 <= x1 and y1 - y0 >= least[1]:
                found.append((min(a[0], b[0]), y0, a[2], max(a[3], b[3]), y1, top))
            if y0 <= y1 and x1 - x0 >= least[0]:
                found.append((x0, min(a[1], b[1]), a[2], x1, max(a[4], b[4]), top))
    return [s for s in dict.fromkeys(found) if _holds(s, least) and not any(_inside(s, other) for other in (*kept, *new))]
