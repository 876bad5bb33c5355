"""Orders that benchmarks hand to a ROS cell."""

from __future__ import annotations

from typing import Any

from microcell.description.order import Order, OrderLine


def one_unit(product: str, order_id: str) -> dict[str, Any]:
    """The request for one unit of a product."""
    from microcell.ros.convert_cell import request_of

    return request_of(Order(order_id=order_id, product=product, lines=(OrderLine(quantity=1),)))
