"""One- and two-dimensional codes anywhere in an image: several looks at it, whose readings vote.

A reader that guesses is worse than one that says nothing. A matrix code repairs its errors and tells when it cannot; one
reading of it is enough. The checks of bar codes let about every tenth (EAN) or every (ITF, Code 39) wrong reading pass, so
that two looks or three must read the same and few of the others may disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from microcell.description.code_kinds import CodeKind
from microcell.errors import MissingCapabilityError
from microcell.vision.code_passes import PASSES, Look
from microcell.vision.code_turns import is_aslant, turned_looks
from microcell.vision.registration import grey

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Bytes = npt.NDArray[np.uint8]

MATRIX: frozenset[CodeKind] = frozenset({
    "aztec", "data_matrix", "maxi_code", "micro_pdf417", "micro_qr_code", "pdf417", "qr_code", "rmqr_code",
})  # fmt: skip
"""Codes that repair their errors: of matrices, and of stacked rows."""

WEAK: frozenset[CodeKind] = frozenset({"codabar", "code_39", "dx_film_edge", "itf", "upc_e"})
"""Bar codes that are short or have no check of their own: parts of other codes and print look like them."""

NEEDED_VOTES, NEEDED_VOTES_WEAK = 2, 3
"""Looks that must read the same text of a bar code."""

_LONGER: frozenset[CodeKind] = frozenset({"ean_8", "ean_13", "upc_a"})
"""A thing has one of these or a UPC-E, not both: their left half, up to the bars in the middle, can be taken for one."""

_TRIED_INVERTED = MATRIX - {"maxi_code", "micro_pdf417", "pdf417"}
"""Codes that the reader itself tries as white on black too."""

_INVERTED_LOOKS = 4
"""Of the others, so many looks are taken once more with black and white exchanged."""

SURE_RATIO, ENOUGH_RATIO = 3.0, 2.0
"""Votes for a text over those for all others at its place: to stop looking, and to be told in the end."""

MAX_WORK_PX = 16_000_000
"""Pixels that all looks may have together, and those along bars once more: bounds the time for an image without a code."""

_KIND_OF: dict[str, CodeKind] = {
    "aztec": "aztec", "codabar": "codabar", "code39": "code_39", "code93": "code_93", "code128": "code_128",
    "databarexp": "data_bar_expanded", "databarlimited": "data_bar_limited", "databarltd": "data_bar_limited",
    "databar": "data_bar", "datamatrix": "data_matrix", "dxfilmedge": "dx_film_edge", "ean8": "ean_8", "ean13": "ean_13",
    "itf": "itf", "maxicode": "maxi_code", "microqrcode": "micro_qr_code", "micropdf417": "micro_pdf417",
    "pdf417": "pdf417", "qrcode": "qr_code", "rmqrcode": "rmqr_code", "telepen": "telepen", "upca": "upc_a", "upce": "upc_e",
}  # fmt: skip

_NAME_OF: dict[CodeKind, str] = {
    "aztec": "Aztec", "codabar": "Codabar", "code_39": "Code39", "code_93": "Code93", "code_128": "Code128",
    "data_bar": "DataBar", "data_bar_expanded": "DataBarExpanded", "data_bar_limited": "DataBarLimited",
    "data_matrix": "DataMatrix", "dx_film_edge": "DXFilmEdge", "ean_8": "EAN8", "ean_13": "EAN13", "itf": "ITF",
    "maxi_code": "MaxiCode", "micro_qr_code": "MicroQRCode", "micro_pdf417": "MicroPDF417", "pdf417": "PDF417",
    "qr_code": "QRCode", "rmqr_code": "RMQRCode", "telepen": "Telepen", "upc_a": "UPCA", "upc_e": "UPCE",
}  # fmt: skip


@dataclass(frozen=True)
class ReadCode:
    """A code: its text, the bytes that it holds, its (4, 2) corners in the image, and how many looks read it so."""

    kind: CodeKind | None
    text: str
    content: bytes
    corners_px: Floats
    votes: int

    @property
    def centre_px(self) -> tuple[float, float]:
        x, y = self.corners_px.mean(axis=0)
        return float(x), float(y)


def read_codes(
    image: npt.NDArray[Any], kinds: Sequence[CodeKind] = (), add_on: bool = False, max_work_px: int = MAX_WORK_PX
) -> tuple[ReadCode, ...]:
    """Read all codes of a mono or RGB image of 8 or 16 bit, from top to bottom; of the given kinds, or of any.

    Naming the kind excludes wrong readings of other kinds and saves time. With `add_on`, EAN and UPC codes are read only
    together with the small code beside them, its digits after theirs. What is read by too few looks, or otherwise by others,
    is left out. Where nothing was read, bars are looked for, and the image is turned by them.
    """
    levels = np.clip(grey(image) + 0.5, 0, 255).astype(np.uint8)
    found: list[ReadCode] = []
    told: list[ReadCode] = []
    bars = not kinds or not MATRIX.issuperset(kinds)
    for looks in (_looks(levels, inverted=not kinds or not _TRIED_INVERTED.issuperset(kinds)), turned_looks(levels)):
        found, told = _told_by(_bounded(looks, max_work_px), found, kinds, add_on)
        if told or not bars:
            break
    return tuple(sorted(told, key=lambda code: (code.centre_px[1], code.centre_px[0], code.text)))


def _told_by(
    looks: Iterable[Look], found: list[ReadCode], kinds: Sequence[CodeKind], add_on: bool
) -> tuple[list[ReadCode], list[ReadCode]]:
    """What was found with what further looks find, until they are sure, and what of it is told."""
    for look in looks:
        found = _voted(found, _once(look, kinds, add_on))
        if found and all(_told(code, found, SURE_RATIO) for code in found):
            break
    return found, [code for code in found if _told(code, found, ENOUGH_RATIO)]


def _bounded(looks: Iterable[Look], max_work_px: int) -> Iterator[Look]:
    """Looks, as long as the work is permitted; one at the least."""
    work = 0
    for look in looks:
        work += look.pixels.size
        if work > max_work_px and work > look.pixels.size:
            return
        yield look


def _looks(levels: Bytes, inverted: bool = False) -> Iterator[Look]:
    """The looks one after the other; in the end, where wanted, some of the negative."""
    negative: Bytes = 255 - levels
    made = [(make, levels) for make in PASSES] + [(make, negative) for make in PASSES[:_INVERTED_LOOKS] if inverted]
    for make, of in made:
        look = make(of)
        if look is not None:
            yield look


def _once(look: Look, kinds: Sequence[CodeKind], add_on: bool) -> list[ReadCode]:
    """What one look reads, in the image's pixels."""
    import zxingcpp

    options: dict[str, Any] = {"text_mode": zxingcpp.TextMode.Plain}
    if kinds:
        options["formats"] = _formats(kinds)
    if add_on:
        options["ean_add_on_symbol"] = zxingcpp.EanAddOnSymbol.Require
    options["binarizer"] = getattr(zxingcpp.Binarizer, look.binarizer)
    codes = zxingcpp.read_barcodes(look.pixels, **options)
    return [_code(code, look) for code in codes if code.valid and not _is_cut(code, look)]


def _formats(kinds: Sequence[CodeKind]) -> Any:
    """The reader's formats of kinds; MissingCapabilityError for one that this release of it does not know."""
    import zxingcpp

    names = "|".join(_NAME_OF[kind] for kind in kinds)
    try:
        return zxingcpp.barcode_formats_from_str(names)
    except ValueError as error:
        text = f"this zxing-cpp does not read all of {', '.join(kinds)}: {error}. Install a later one."
        raise MissingCapabilityError(text) from error


def _is_cut(code: Any, look: Look) -> bool:
    """Whether a reading may be of a part of a code: digits of ITF look like its beginning, and a row aslant meets few."""
    return _kind(str(code.format)) == "itf" and is_aslant(look, _corners(code))


def _code(code: Any, look: Look) -> ReadCode:
    corners = look.to_image(_corners(code))
    return ReadCode(_kind(str(code.format)), str(code.text), bytes(code.bytes), corners, 1)


def _corners(code: Any) -> Floats:
    """(4, 2), from the one where reading begins, across."""
    place = code.position
    return np.array([(p.x, p.y) for p in (place.top_left, place.top_right, place.bottom_right, place.bottom_left)], float)


def _kind(name: str) -> CodeKind | None:
    """The kind by the reader's name for it, which differs between its releases."""
    plain = "".join(c for c in name.rpartition(".")[2].lower() if c.isalnum())
    starts = [start for start in _KIND_OF if plain.startswith(start)]
    return _KIND_OF[max(starts, key=len)] if starts else None


def _voted(found: Sequence[ReadCode], seen: Sequence[ReadCode]) -> list[ReadCode]:
    """What was found, with one more vote for what was seen again, and what is new. A look has one vote for a code."""
    voted, new = dict(enumerate(found)), list[ReadCode]()
    counted: set[int] = set()
    for code in seen:
        known = next((k for k, other in voted.items() if _same(other, code)), None)
        if known is not None and known not in counted:
            voted[known] = replace(voted[known], votes=voted[known].votes + 1)
            counted.add(known)
        elif known is None and not any(_same(other, code) for other in new):
            new.append(code)
    return [*voted.values(), *new]


def _told(code: ReadCode, found: Sequence[ReadCode], ratio: float) -> bool:
    """Whether a reading has the votes to be told."""
    if code.kind in MATRIX:
        return True
    rivals = [other for other in found if other is not code and other.kind not in MATRIX and _one_place(other, code)]
    if code.kind == "upc_e" and any(other.kind in _LONGER for other in found):
        return False
    if code.kind == "itf" and any(_is_part(code, other) for other in rivals):
        return False
    against = sum(other.votes for other in rivals if not _is_part(other, code))
    needed = NEEDED_VOTES_WEAK if code.kind in WEAK else NEEDED_VOTES
    return code.votes >= needed and code.votes >= ratio * against


def _is_part(other: ReadCode, code: ReadCode) -> bool:
    """Whether the other reading is of this code too, of less of it: a row aslant through bars of ITF reads some of them."""
    shorter = other.kind == code.kind == "itf" and len(other.text) < len(code.text) and other.text in code.text
    return shorter or (other.kind == "upc_e" and code.kind in _LONGER)


def _same(a: ReadCode, b: ReadCode) -> bool:
    return a.content == b.content and _one_place(a, b)


def _one_place(a: ReadCode, b: ReadCode) -> bool:
    """Whether two readings may be of the same code: the middle of the smaller lies near that of the larger."""
    sizes = [float(np.linalg.norm(np.ptp(code.corners_px, axis=0))) for code in (a, b)]
    return float(np.linalg.norm(np.subtract(a.centre_px, b.centre_px))) < 0.5 * max(sizes)
