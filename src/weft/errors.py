"""What can go wrong, as one record and a small tree of exceptions.

    WeftError                 exit
    ├── UsageError            2     the call is wrong
    ├── ProjectError          2     files of the repository are wrong
    ├── SourceError           2     a source is missing, undecodable or malformed
    ├── UserCodeError         2     a model of a user failed, not weft
    ├── GateRefused           1     the plan has an objection
    │   └── Awaited           1     somebody has to agree first
    ├── ContractBroken        1     rows do not keep the contract
    ├── AccessDenied          3     not allowed
    ├── Conflict              4     something moved; plan again
    └── PlatformError         5     disk, database or network failed
        └── TransientError    5     the same, and trying again may help

The classes differ by what the caller can do next; what happened stands in the diagnostics that they carry.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar

from msgspec import Struct

from weft.errors_catalogue import CODES


class Severity(StrEnum):
    """How bad it is: only `error` stops anything."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Where(Struct, frozen=True):
    """A place in a file: path relative to the mesh's root, line and column counted from 1."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


class Diagnostic(Struct, frozen=True):
    """One problem: what is wrong, where, why it matters and how to mend it.

    `code` is listed in `weft.errors_catalogue.CODES` and documented in `docs/reference/errors.md`.
    No text of a diagnostic ever holds a value of a column classified above internal.
    """

    code: str
    severity: Severity
    what: str
    where: Where | None = None
    why: str | None = None
    fix: str | None = None

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"undocumented error code {self.code}")

    def as_json(self) -> dict[str, Any]:
        """The diagnostic in the shape that `--format json` prints."""
        where = self.where
        return {
            "code": self.code,
            "severity": self.severity.value,
            "what": self.what,
            "where": {"file": where.file, "line": where.line, "column": where.column} if where else None,
            "why": self.why,
            "fix": self.fix,
        }

    def __str__(self) -> str:
        lines = [f"{self.severity} {self.code}: {self.what}"]
        if self.where:
            lines.append(f"  --> {self.where}")
        if self.why:
            lines.append(f"  why: {self.why}")
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)


def diagnostic_from_json(data: Mapping[str, Any]) -> Diagnostic:
    """The diagnostic that `as_json` wrote."""
    where = data["where"]
    return Diagnostic(
        data["code"],
        Severity(data["severity"]),
        data["what"],
        Where(**where) if where else None,
        data["why"],
        data["fix"],
    )


def error(
    code: str, what: str, where: Where | None = None, *, why: str | None = None, fix: str | None = None
) -> Diagnostic:
    """A diagnostic of severity error."""
    return Diagnostic(code, Severity.ERROR, what, where, why, fix)


def warning(
    code: str, what: str, where: Where | None = None, *, why: str | None = None, fix: str | None = None
) -> Diagnostic:
    """A diagnostic of severity warning."""
    return Diagnostic(code, Severity.WARNING, what, where, why, fix)


def note(
    code: str, what: str, where: Where | None = None, *, why: str | None = None, fix: str | None = None
) -> Diagnostic:
    """A diagnostic of severity note."""
    return Diagnostic(code, Severity.NOTE, what, where, why, fix)


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of the diagnostics is an error."""
    return any(d.severity is Severity.ERROR for d in diagnostics)


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that looks most like `name`, if one looks like it at all.

    >>> nearest("plane", ["planes", "airports"])
    'planes'
    >>> nearest("zzz", ["planes"]) is None
    True
    """
    ranked = difflib.get_close_matches(name, list(candidates), n=1, cutoff=0.6)
    return ranked[0] if ranked else None


def did_you_mean(name: str, candidates: Iterable[str], *, otherwise: str | None = None) -> str | None:
    """A fix that proposes the nearest name: “did you mean `planes`?”."""
    found = nearest(name, candidates)
    return f"did you mean `{found}`?" if found else otherwise


class WeftError(Exception):
    """Base of all that weft raises on purpose; carries at least one diagnostic."""

    exit_code: ClassVar[int] = 5

    def __init__(self, *diagnostics: Diagnostic) -> None:
        self.diagnostics: Sequence[Diagnostic] = diagnostics
        super().__init__("\n".join(str(d) for d in diagnostics))


class UsageError(WeftError):
    """The call is wrong: an address that does not exist, an option that does not fit."""

    exit_code = 2


class ProjectError(WeftError):
    """Files of the repository are wrong; all problems of all files at once."""

    exit_code = 2


class SourceError(WeftError):
    """A source is missing, undecodable or malformed."""

    exit_code = 2


class UserCodeError(WeftError):
    """A model written by a user failed; weft itself did not."""

    exit_code = 2


class GateRefused(WeftError):
    """The plan has an objection of severity error."""

    exit_code = 1


class Awaited(GateRefused):
    """A publication waits until somebody has agreed to it.

    Attributes:
        approvals: ids of those that are missing, where they are known.
    """

    def __init__(self, *diagnostics: Diagnostic, approvals: Sequence[str] = ()) -> None:
        super().__init__(*diagnostics)
        self.approvals = tuple(approvals)


class ContractBroken(WeftError):
    """Rows do not keep what their contract promises."""

    exit_code = 1


class AccessDenied(WeftError):
    """The principal may not do this."""

    exit_code = 3


class Conflict(WeftError):
    """Something that the plan had read has moved; plan again."""

    exit_code = 4


class PlatformError(WeftError):
    """Disk, database or network failed."""

    exit_code = 5


class TransientError(PlatformError):
    """The platform failed in a way that may pass; the same call may succeed later."""


def of_the_system(e: OSError) -> PlatformError:
    """What the operating system refused, as an error of ours: which file, why, and how to mend it."""
    place = f"`{e.filename}`: " if e.filename else ""
    if e.errno == errno.ENOSPC:
        what, fix = f"{place}no space left on the disk", "make room, then try again; nothing half was published"
        return PlatformError(error("WFT-STO-001", what, fix=fix))
    if e.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        what = f"{place}{(e.strerror or 'permission denied').lower()}"
        return PlatformError(error("WFT-STO-002", what, fix="change its permissions, or work in another folder"))
    return PlatformError(error("WFT-CLI-003", f"{place}{e.strerror or e}", why=type(e).__name__))


def exit_code_of(errors: Iterable[WeftError]) -> int:
    """The exit code of several failures: the first of 5, 4, 3, 2, 1 that occurs; 0 if there is none."""
    return max((e.exit_code for e in errors), default=0)
