"""`microcell key`: the site's key, which signs journals."""

from __future__ import annotations

import argparse
from pathlib import Path

from microcell.errors import UsageError
from microcell.records.journal import Journal
from microcell.records.signing import FOLDER_VARIABLE, SiteKey, keys_folder, new_key, site_key


def run(args: argparse.Namespace) -> int:
    """Make a key, show which one there is, or sign a journal's last entry with it."""
    folder = args.keys or keys_folder()
    if (args.what == "sign") != (args.journal is not None):
        raise UsageError("a journal is named to be signed, and only then: microcell key sign JOURNAL.")
    if args.what == "new":
        private, public = new_key(folder, args.replace)
        print(f"private key: {private} (keep it here, readable by the cell's user only)")
        print(f"public key:  {public} (give it to whoever verifies)")
        return 0
    key = _key(folder)
    if args.what == "sign":
        return _sign(key, args.journal)
    print(f"key {key.key_id}\npublic key: {folder / f'{key.key_id}.pub'}")
    return 0


def _key(folder: Path) -> SiteKey:
    key = site_key(folder)
    if key is None:
        raise UsageError(f"no key in {folder}: make one with 'microcell key new', or set {FOLDER_VARIABLE} to its folder.")
    return key


def _sign(key: SiteKey, path: Path) -> int:
    if not path.is_file():
        raise UsageError(f"there is no journal at {path}: check the path.")
    with Journal.create_or_open(path, signer=key) as journal:
        journal.sign()
        print(f"signed: entry {journal.head().sequence} by {key.key_id}")
    return 0
