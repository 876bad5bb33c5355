"""Does ROS 2's security, enforced, let everybody in a cell do what he may, and nobody more?

    python bench/security.py [--line NAME] [--time-scale N] [--unit-s SECONDS] [--seed N] [--json] [--check]

Writes the line's policies as `microcell security` does, signs them with keys of its own, starts the mock cell with security
enforced, and gives commands by every role: those that the role may give must be carried out, all others be refused by ROS 2
before the cell hears of them. Besides somebody without keys, with keys of another authority, and with another's rights.
Needs a middleware that is built with security: an installed ROS 2 has one, the wheels from PyPI have not; without it nothing
is measured.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import domain
from common import Figure, arguments, report
from security_keys import forge, make_keystore

from microcell.description.loader import load_line

READY_S, STOP_S, COMMAND_S = 300.0, 120.0, 120.0
REFUSED, UNSEEN = "ROS 2's security does not give", "no cell answers"
NOBODY, STRANGER, FORGER = "nobody", "stranger", "roles/forger"
ORDER = ("order", "--quantity", "1", "--no-wait")


@dataclass(frozen=True)
class Trial:
    """Somebody gives a command; `refused` is what he must be told, "" for a command that must be carried out."""

    who: str
    words: tuple[str, ...]
    refused: str = ""


def trials(tool: str) -> tuple[Trial, ...]:
    """What docs/security.md says of the roles, and three who have none; in the end the cell has a unit to make."""
    renew, rotate, mode = ("tools", "--renew", tool), ("rotate",), ("mode", "maintenance")
    return (
        Trial("roles/viewer", ("watch", "--once")),
        Trial("roles/viewer", ("order", "--list")),
        *(Trial("roles/viewer", words, REFUSED) for words in (ORDER, ("command", "stop"), mode, renew, rotate)),
        Trial("roles/operator", ("command", "stop")),
        *(Trial("roles/operator", words, REFUSED) for words in (renew, rotate)),
        Trial("roles/maintenance", ("command", "reset")),
        Trial("roles/maintenance", renew),
        Trial("roles/maintenance", rotate),
        Trial("roles/maintenance", ORDER, REFUSED),
        Trial("roles/operator", ORDER),
        Trial("roles/integrator", ("order", "--list")),
        Trial("roles/integrator", renew),
        Trial(NOBODY, ("watch", "--once"), UNSEEN),
        Trial(STRANGER, ("watch", "--once"), UNSEEN),
        Trial(FORGER, ORDER, REFUSED),
    )


class SecuredCell:
    """A domain of its own, keystores, and the commands in it."""

    def __init__(self, folder: Path, line: str) -> None:
        self._folder, self._line = folder, line
        self.cell = load_line(line).cell
        self._domain = domain.take()
        policies = folder / "policies"
        self.run(NOBODY, ("security", line, "--world", "mock", "--domain", self._domain, "--output", str(policies)))
        make_keystore(policies, folder / "keys")
        make_keystore(policies, folder / STRANGER)
        forge(folder / "keys", f"{self.cell}/roles/viewer", f"{self.cell}/roles/operator", f"{self.cell}/{FORGER}")

    def run(self, who: str, words: tuple[str, ...], limit_s: float = COMMAND_S) -> subprocess.CompletedProcess[str]:
        """A `microcell` command, given by somebody; code 124 when it takes too long."""
        given: dict[str, Any] = {"cwd": self._folder, "env": self._environment(who), "timeout": limit_s}
        try:
            return subprocess.run(_command(*words), capture_output=True, text=True, check=False, **given)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(words, 124, "", f"no end within {limit_s:g} s")

    def start(self, time_scale: float) -> subprocess.Popen[bytes]:
        """The cell, ready; SystemExit with its last words when it does not come up."""
        log = self._folder / "up.log"
        words = _command("up", self._line, "--time-scale", str(time_scale), "--journal", "cell.journal")
        environment = self._environment(NOBODY) | self._enforced("keys")  # its processes name their enclaves themselves
        with log.open("w") as output:
            cell = subprocess.Popen(words, cwd=self._folder, env=environment, stdout=output, stderr=output)
        end_s = time.monotonic() + READY_S
        while "the cell is ready" not in log.read_text():
            if cell.poll() is not None or time.monotonic() > end_s:
                cell.send_signal(signal.SIGINT)
                raise SystemExit(f"the cell did not come up with security enforced:\n{log.read_text()}")
            time.sleep(0.1)
        return cell

    def _environment(self, who: str) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("ROS_SECURITY")}
        plain |= {"ROS_DOMAIN_ID": self._domain, "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
        if who == NOBODY:
            return plain
        keys, role = (STRANGER, "roles/operator") if who == STRANGER else ("keys", who)
        return plain | self._enforced(keys) | {"ROS_SECURITY_ENCLAVE_OVERRIDE": f"/{self.cell}/{role}"}

    def _enforced(self, keys: str) -> dict[str, str]:
        switch = {"ROS_SECURITY_ENABLE": "true", "ROS_SECURITY_STRATEGY": "Enforce"}
        return switch | {"ROS_SECURITY_KEYSTORE": str(self._folder / keys)}


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "microcell.cli", *words]


def goes_wrong(trial: Trial, done: subprocess.CompletedProcess[str]) -> bool:
    """Whether a command was not carried out, or not refused with the words that it should be."""
    return trial.refused not in done.stderr or done.returncode == 0 if trial.refused else done.returncode != 0


def measured(secured: SecuredCell, options: argparse.Namespace) -> list[Figure]:
    """Start the cell and try everybody."""
    started_s = time.monotonic()
    cell = secured.start(options.time_scale)
    ready_s, wrong = time.monotonic() - started_s, []
    every = trials(next(iter(load_line(options.line).tools)))
    try:
        for trial in every:
            done = secured.run(trial.who, trial.words)
            told = "refused" if trial.refused else "carried out"
            if goes_wrong(trial, done):
                wrong.append(trial)
                told = f"NOT {told}: {done.returncode} {done.stderr[-500:]}"
            print(f"{trial.who}: {' '.join(trial.words)}: {told}", file=sys.stderr)
        made = _made(secured, options.unit_s)
    finally:
        cell.send_signal(signal.SIGINT)
        cell.wait(STOP_S)
    return [
        Figure("cell is ready after", ready_s, "s"),
        *(_share(name, [t for t in every if bool(t.refused) == refused], wrong) for name, refused in WORDS),
        Figure("good units", made, least=1 if options.unit_s else None),
    ]


WORDS = (("allowed and carried out", False), ("not allowed and refused", True))


def _made(secured: SecuredCell, limit_s: float) -> int:
    """How many good units the order has got when it has ended, or the time is over."""
    if limit_s:
        secured.run("roles/viewer", ("watch", "--until-order", "order-0001"), limit_s)
    return int("completed, 1 of 1 good" in secured.run("roles/viewer", ("order", "--list")).stdout)


def _share(name: str, tried: list[Trial], wrong: list[Trial]) -> Figure:
    return Figure(name, 100.0 * (1 - sum(t in wrong for t in tried) / len(tried)), f"% of {len(tried)}", least=100.0)


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--line", default="valve")
    parser.add_argument("--time-scale", type=float, default=5.0)
    parser.add_argument("--unit-s", type=float, default=600.0, help="so long the unit may take; 0: do not wait for it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="microcell-security-") as folder:
        secured = SecuredCell(Path(folder), options.line)
        alone = secured.run("roles/viewer", ("watch", "--once"))
        if REFUSED in alone.stderr:
            print(f"nothing measured, the middleware enforces no security here. {alone.stderr.strip()}", file=sys.stderr)
            return 0
        return report(measured(secured, options), options)


if __name__ == "__main__":
    sys.exit(main())
