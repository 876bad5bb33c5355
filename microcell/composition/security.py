"""Who may say what to whom, as SROS2 and DDS Security read it: policy, permissions and governance. No names of ours here.

One process is one DDS participant, so the enclave (https://design.ros2.org/articles/ros2_security_enclaves.html) of a
process holds what all of its nodes use. The policy is sros2's format 0.2.0; permissions and governance are those of OMG
DDS Security 1.1, unsigned. How ROS names become DDS topics: https://design.ros2.org/articles/topic_and_service_names.html.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path

POLICY_VERSION = "0.2.0"
DISCOVERY_TOPIC = "ros_discovery_info"
"""Where ROS tells which node of a participant has which topic; every participant says and hears it."""

_SCHEMA = "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation"
_OMG = "http://www.omg.org/spec/DDS-SECURITY/20170901/omg_shared_ca_{}.xsd"
_ACTION_SERVICES = ("cancel_goal", "get_result", "send_goal")
_ACTION_TOPICS = ("feedback", "status")

_RULES = {
    "publishes": ("topics", "topic", "publish"),
    "subscribes": ("topics", "topic", "subscribe"),
    "replies": ("services", "service", "reply"),
    "requests": ("services", "service", "request"),
    "executes": ("actions", "action", "execute"),
    "calls": ("actions", "action", "call"),
}
"""For each right: the list, its elements and the attribute that allows it in sros2's policy."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a node uses, by absolute ROS names; an action is one name."""

    publishes: frozenset[str] = frozenset()
    subscribes: frozenset[str] = frozenset()
    replies: frozenset[str] = frozenset()
    requests: frozenset[str] = frozenset()
    executes: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()

    def __or__(self, other: Access) -> Access:
        return Access(*(getattr(self, f.name) | getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True, slots=True)
class Profile:
    """One node of an enclave."""

    node: str
    access: Access


@dataclass(frozen=True, slots=True)
class Enclave:
    """What one process, or one role of people, may do; `path` is what `--enclave` names."""

    path: str
    profiles: tuple[Profile, ...]

    def access(self) -> Access:
        """What all of its nodes use together."""
        whole = Access()
        for profile in self.profiles:
            whole |= profile.access
        return whole


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when permissions hold, UTC."""

    begin: datetime
    end: datetime


def enclave_path(namespace: str, process: str) -> str:
    """The enclave of a process of a cell."""
    return f"/{namespace.strip('/')}/{process}"


def write_security(enclaves: Iterable[Enclave], namespace: str, folder: Path, domain: int, validity: Validity) -> list[Path]:
    """Write the policy, the governance and every enclave's permissions; the files, in order."""
    every = tuple(enclaves)
    written = {
        folder / "policy.xml": policy_xml(every, namespace),
        folder / "governance.xml": governance_xml(domain),
        **{
            folder / "enclaves" / enclave.path.strip("/") / "permissions.xml": permissions_xml(enclave, domain, validity)
            for enclave in every
        },
    }
    for path, root in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_text(root), encoding="utf-8")
    return list(written)


def policy_xml(enclaves: Iterable[Enclave], namespace: str) -> ET.Element:
    """sros2's policy: what `ros2 security create_permission` takes."""
    root = ET.Element("policy", version=POLICY_VERSION)
    every = ET.SubElement(root, "enclaves")
    for enclave in enclaves:
        profiles = ET.SubElement(ET.SubElement(every, "enclave", path=enclave.path), "profiles")
        for profile in enclave.profiles:
            element = ET.SubElement(profiles, "profile", ns=f"/{namespace.strip('/')}", node=profile.node)
            for right, (group, item, attribute) in _RULES.items():
                if names := getattr(profile.access, right):
                    _items(ET.SubElement(element, group, {attribute: "ALLOW"}), item, names)
    return root


def permissions_xml(enclave: Enclave, domain: int, validity: Validity) -> ET.Element:
    """DDS permissions of an enclave: all that is not named is denied."""
    root = ET.Element("dds", {_SCHEMA: _OMG.format("permissions")})
    grant = ET.SubElement(ET.SubElement(root, "permissions"), "grant", name=enclave.path)
    ET.SubElement(grant, "subject_name").text = f"CN={enclave.path}"
    times = ET.SubElement(grant, "validity")
    ET.SubElement(times, "not_before").text = f"{validity.begin:%Y-%m-%dT%H:%M:%S}"
    ET.SubElement(times, "not_after").text = f"{validity.end:%Y-%m-%dT%H:%M:%S}"
    rule = ET.SubElement(grant, "allow_rule")
    _domain(rule, domain)
    writes, reads = dds_topics(enclave.access())
    for right, topics in (("publish", writes), ("subscribe", reads)):
        _items(ET.SubElement(ET.SubElement(rule, right), "topics"), "topic", topics)
    ET.SubElement(grant, "default").text = "DENY"
    return root


def governance_xml(domain: int) -> ET.Element:
    """Rules of the whole domain: nobody without an identity, everything encrypted, every topic access-controlled."""
    root = ET.Element("dds", {_SCHEMA: _OMG.format("governance")})
    rule = ET.SubElement(ET.SubElement(root, "domain_access_rules"), "domain_rule")
    _domain(rule, domain)
    _values(
        rule,
        allow_unauthenticated_participants="false",
        enable_join_access_control="true",
        discovery_protection_kind="ENCRYPT",
        liveliness_protection_kind="ENCRYPT",
        rtps_protection_kind="SIGN",
    )
    _values(
        ET.SubElement(ET.SubElement(rule, "topic_access_rules"), "topic_rule"),
        topic_expression="*",
        enable_discovery_protection="true",
        enable_liveliness_protection="true",
        enable_read_access_control="true",
        enable_write_access_control="true",
        metadata_protection_kind="ENCRYPT",
        data_protection_kind="ENCRYPT",
    )
    return root


def dds_topics(access: Access) -> tuple[frozenset[str], frozenset[str]]:
    """The DDS topics that somebody with this access writes and reads."""
    asked = access.requests | {f"{a}/_action/{s}" for a in access.calls for s in _ACTION_SERVICES}
    answered = access.replies | {f"{a}/_action/{s}" for a in access.executes for s in _ACTION_SERVICES}
    told = access.publishes | {f"{a}/_action/{t}" for a in access.executes for t in _ACTION_TOPICS}
    heard = access.subscribes | {f"{a}/_action/{t}" for a in access.calls for t in _ACTION_TOPICS}
    writes = {f"rt{n}" for n in told} | {f"rq{n}Request" for n in asked} | {f"rr{n}Reply" for n in answered}
    reads = {f"rt{n}" for n in heard} | {f"rr{n}Reply" for n in asked} | {f"rq{n}Request" for n in answered}
    return frozenset(writes | {DISCOVERY_TOPIC}), frozenset(reads | {DISCOVERY_TOPIC})


def _domain(rule: ET.Element, domain: int) -> None:
    ET.SubElement(ET.SubElement(rule, "domains"), "id").text = str(domain)


def _values(parent: ET.Element, **values: str) -> None:
    for name, value in values.items():
        ET.SubElement(parent, name).text = value


def _items(parent: ET.Element, name: str, values: Iterable[str]) -> None:
    for value in sorted(values):
        ET.SubElement(parent, name).text = value


def _text(root: ET.Element) -> str:
    ET.indent(root)
    lines: Iterator[str] = iter(('<?xml version="1.0" encoding="UTF-8"?>', ET.tostring(root, encoding="unicode"), ""))
    return "\n".join(lines)
