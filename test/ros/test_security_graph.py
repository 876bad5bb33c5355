"""The generated policy against the graph of a cell that runs: everything used is allowed, and nothing else."""

import asyncio
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed here")
pytest.importorskip("microcell_interfaces", reason="microcell_interfaces is not built: make env")

import rclpy
from ros_cell import domain, ros_cell

from microcell.composition.compose import compose
from microcell.composition.security import DISCOVERY_TOPIC, Profile, dds_topics
from microcell.description.loader import load_line
from microcell.ros.access import CLIENT, PARAMETER_SERVICES, TYPE_SERVICE, enclaves
from microcell.ros.cell_client import CellClient
from microcell.ros.runtime import RosRuntime

LINE = "valve"
SEEN_S = 60.0

STANDARD = {"rt/rosout", "rt/parameter_events", "rt/clock"}
"""What rclpy adds to a node by itself, or leaves out, by its release and the node's options."""


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    """A node that sees a ready cell."""
    folder: Path = tmp_path_factory.mktemp("cell")
    with ros_cell(folder, LINE, "--time-scale", "5"):
        context = rclpy.Context()
        rclpy.init(args=[], context=context, domain_id=int(domain()["ROS_DOMAIN_ID"]))
        node = rclpy.create_node("graph_reader", context=context, start_parameter_services=False, enable_rosout=False)
        try:
            yield node
        finally:
            node.destroy_node()
            context.try_shutdown()


def profiles() -> list[Profile]:
    blueprint = compose(load_line(LINE), "mock", line_path=LINE)
    return [p for enclave in enclaves(blueprint) if "/roles/" not in enclave.path for p in enclave.profiles]


def used(graph, name: str, namespace: str = f"/{load_line(LINE).cell}") -> tuple[set[str], set[str]]:
    """DDS topics that a node writes and reads, by what the graph says of it."""
    if (name, namespace) not in graph.get_node_names_and_namespaces():
        return set(), set()
    writes = {f"rt{t}" for t, _ in graph.get_publisher_names_and_types_by_node(name, namespace)}
    reads = {f"rt{t}" for t, _ in graph.get_subscriber_names_and_types_by_node(name, namespace)}
    for service, _ in graph.get_service_names_and_types_by_node(name, namespace):
        writes.add(f"rr{service}Reply")
        reads.add(f"rq{service}Request")
    for service, _ in graph.get_client_names_and_types_by_node(name, namespace):
        writes.add(f"rq{service}Request")
        reads.add(f"rr{service}Reply")
    return writes, reads


def differences(graph, profile: Profile) -> list[str]:
    """What a node uses and may not, and what it may and does not use; but for the standard things."""
    ours = (*PARAMETER_SERVICES, TYPE_SERVICE)
    found = []
    for word, uses, may in zip(("writes", "reads"), used(graph, profile.node), dds_topics(profile.access), strict=True):
        found += [f"{profile.node} {word} {topic}, which is not allowed" for topic in uses - may]
        idle = {t for t in may - uses - STANDARD - {DISCOVERY_TOPIC} if not any(f"/{s}Re" in t for s in ours)}
        found += [f"{profile.node} may but never {word} {topic}" for topic in idle]
    return sorted(found)


@pytest.mark.ros
@pytest.mark.parametrize("profile", profiles(), ids=lambda p: p.node)
def test_a_node_uses_what_it_may_and_nothing_else(graph, profile: Profile):
    end = time.monotonic() + SEEN_S
    while (found := differences(graph, profile)) and time.monotonic() < end:
        time.sleep(0.1)  # the graph arrives bit by bit
    assert found == []


@pytest.mark.ros
def test_every_node_of_the_cell_has_a_profile(graph):
    namespace = f"/{load_line(LINE).cell}"
    expected = {profile.node for profile in profiles()}
    end, there = time.monotonic() + SEEN_S, set()
    while there != expected and time.monotonic() < end:
        there = {name for name, place in graph.get_node_names_and_namespaces() if place == namespace}
        time.sleep(0.1)
    assert there == expected


@pytest.mark.ros
def test_watching_a_cell_needs_no_more_than_a_viewers_rights(graph):
    async def watch() -> tuple[set[str], set[str]]:
        async with RosRuntime([], int(domain()["ROS_DOMAIN_ID"])) as runtime:
            client = await asyncio.wait_for(CellClient.connect(runtime, load_line(LINE).cell), SEEN_S)
            await asyncio.wait_for(client.list_orders(), SEEN_S)
            end = time.monotonic() + SEEN_S
            while not (found := used(graph, CLIENT, "/"))[1] and time.monotonic() < end:
                await asyncio.sleep(0.1)
            return found

    viewer = next(e for e in enclaves(compose(load_line(LINE), "mock", line_path=LINE)) if e.path.endswith("/roles/viewer"))
    (writes, reads), (may_write, may_read) = asyncio.run(watch()), dds_topics(viewer.access())
    assert (writes - may_write, reads - may_read) == (set(), set())
