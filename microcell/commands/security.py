"""`microcell security`: SROS2 policy and DDS permissions of a line's cell, unsigned."""

from __future__ import annotations

import argparse
from datetime import datetime, timedelta, timezone

from microcell.composition.compose import compose
from microcell.composition.processes import check_startable
from microcell.composition.security import Validity, write_security
from microcell.description.loader import load_line
from microcell.ros.access import enclaves


def run(args: argparse.Namespace) -> int:
    """Write the files and say what to do with them. There are no keys in them: whoever runs the cell makes those."""
    blueprint = compose(load_line(args.line), args.world, line_path=args.line, namespace=args.namespace)
    check_startable(blueprint)
    begin = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    validity = Validity(begin, begin + timedelta(days=args.days))
    found = enclaves(blueprint)
    written = write_security(found, blueprint.namespace, args.output, args.domain, validity)
    for enclave in found:
        print(enclave.path)
    print(
        f"{len(written)} files in {args.output}: policy.xml, governance.xml, permissions.xml of {len(found)} enclaves.\n"
        "They are not signed. Make a keystore and switch security on as docs/security.md says."
    )
    return 0
