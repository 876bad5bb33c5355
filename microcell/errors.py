"""Errors of the package. Each message says what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class MicrocellError(Exception):
    """Base of all errors that a user of the package can cause or mend."""


class UsageError(MicrocellError):
    """A request that cannot be carried out as given: wrong argument, unknown name, illegal command."""


class MissingCapabilityError(MicrocellError):
    """Something optional is not installed here; the message names what to install."""


class StartAgainError(MicrocellError):
    """What this process cannot mend itself, but one that is started in its place can."""


class RefusedStartError(UsageError):
    """A process that cannot be started as it was told to; to start it again the same way does not help."""


class CalibrationError(MicrocellError):
    """Images or poses that nothing can be calibrated from; the message says what to take anew, and how."""


class JournalError(MicrocellError):
    """A journal that cannot be read, written or trusted."""


@dataclass(frozen=True, order=True)
class Issue:
    """One thing that is wrong in a configuration file; lines and columns count from 1.

    `where` is the dotted path in the file, `what` says what is wrong and shows the value, `remedy` says what
    is allowed and what to do. What is `doubtful` works, and is hardly meant: a warning.
    """

    file: str
    line: int
    column: int
    where: str
    what: str
    remedy: str
    doubtful: bool = False

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        where = f"{where}warning: " if self.doubtful else where
        return _on_one_line(f"{self.file}:{self.line}:{self.column}: {where}{self.what}; {self.remedy}")


def _on_one_line(text: str) -> str:
    """The text with line ends and control characters, which come from the file, written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class ConfigError(MicrocellError):
    """Configuration that cannot be used: all issues of all files at once, one on each line of the text."""

    def __init__(self, issues: Iterable[Issue]) -> None:
        self.issues = tuple(issues)
        super().__init__("\n".join(str(issue) for issue in self.issues))
