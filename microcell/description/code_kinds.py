"""The kinds of one- and two-dimensional codes that can be named in a check."""

from __future__ import annotations

from typing import Literal

CodeKind = Literal[
    "aztec", "codabar", "code_39", "code_93", "code_128", "data_bar", "data_bar_expanded", "data_bar_limited", "data_matrix",
    "dx_film_edge", "ean_8", "ean_13", "itf", "maxi_code", "micro_pdf417", "micro_qr_code", "pdf417", "qr_code", "rmqr_code",
    "telepen", "upc_a", "upc_e",
]  # fmt: skip
