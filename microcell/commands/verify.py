"""`microcell verify`: whether a journal is what was written, and whether its pictures are."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from microcell.errors import UsageError
from microcell.records.chain import Head
from microcell.records.evidence import EvidenceVerdict, check_evidence
from microcell.records.journal import JournalReader
from microcell.records.signing import PublicKey, keys_folder, public_key, public_keys
from microcell.records.verifying import Verdict, verify


def run(args: argparse.Namespace) -> int:
    """Verify and tell. 0 when all holds, 1 where it does not, 2 when it cannot be told."""
    noted = [_head(text) for text in args.noted]
    with JournalReader.open(args.journal) as journal, journal.snapshot():
        verdict = verify(journal, noted, _keys(args))
        evidence = check_evidence(journal, verdict.head.sequence)
    if args.json:
        told = {**asdict(verdict), "unsigned_entries": verdict.unsigned_entries, "evidence": asdict(evidence)}
        print(json.dumps(told, indent=2))
    else:
        print("\n".join((*_lines(verdict), *_evidence_lines(evidence))))
    return 1 if verdict.broken or evidence.lacks else 0


def _keys(args: argparse.Namespace) -> tuple[PublicKey, ...]:
    """The keys that are named; without any, the site's own count only for a journal that they signed."""
    if args.public_key:
        return tuple(public_key(path) for path in args.public_key)
    own = public_keys(args.keys or keys_folder())
    with JournalReader.open(args.journal) as journal:
        signed_by = {signature.key_id for signature in journal.signatures()}
    return own if signed_by & {key.key_id for key in own} else ()


def _head(text: str) -> Head:
    head = Head.parse(text)
    if head is None:
        raise UsageError(f"--noted {text} is no head: give the entry's number and its digest as N:HASH.")
    return head


def _lines(verdict: Verdict) -> list[str]:
    head, signed = verdict.head, verdict.signed
    lines = []
    if verdict.broken:
        lines += [f"NOT what was written: {verdict.broken}", f"good up to entry {head.sequence}"]
    else:
        lines.append(f"unbroken: entries 1 to {head.sequence} in {_many(len(verdict.files), 'file')}")
    lines.append(f"head {head}")
    if signed is None:
        lines.append("not signed")
    else:
        lines.append(f"signed up to entry {signed.sequence} by {', '.join(verdict.signed_by)}; {_checked(verdict)}")
        if verdict.unsigned_entries:
            lines.append(f"not signed yet: the last {verdict.unsigned_entries}")
    return lines


def _evidence_lines(evidence: EvidenceVerdict) -> list[str]:
    """What is said of pictures; nothing where the journal names none."""
    if not evidence.named:
        return []
    lines = [f"pictures: {evidence.there} of {evidence.named} are there and unchanged"]
    if evidence.let_go:
        lines.append(f"pictures let go: {evidence.let_go}, older than those that the line keeps")
    lines += [f"PICTURE of entry {lack.sequence} {lack.reason}: {lack.sha256}.png" for lack in evidence.lacks]
    return lines


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _checked(verdict: Verdict) -> str:
    if verdict.keys_checked:
        return f"{_many(verdict.signatures, 'signature')} checked"
    return "signatures not checked: give --public-key"
