"""Every exception of the hub, by what the hub does when it is raised.

    HubError
    ├── ConfigError         a file, setting or schema is wrong: report all findings, do not start   exit 1
    ├── UsageError          the command line is wrong: show the help command                       exit 2
    ├── RetryableError      a time-out, a full disk, a lock: back off with a cap                   exit 3
    ├── FatalError          a corrupt store, a broken invariant: stop at once                      exit 3
    ├── NotApproved         a mapping version may not go live yet: say who can approve it          exit 1
    └── NotFound            a key, loop or connection nobody knows                                 exit 2

Expected negative outcomes (a record that can never pass, a refused effect) are values, never raised:
``hub.model.record.Rejected``. What a target system answers to a write is in ``hub.connector.answers``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.model.diagnostic import Diagnostic


class HubError(Exception):
    """Something the hub knows how to explain: where, what, why, how to fix."""

    exit_code = 3
    slug = "hub-error"

    def __init__(self, what: str, *, where: str = "", why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.why, self.fix = what, where, why, fix

    def __str__(self) -> str:
        lines = [f"error: {self.what} [{self.slug}]"]
        lines += [
            f"  {name}: {text}"
            for name, text in (("where", self.where), ("why", self.why), ("fix", self.fix))
            if text
        ]
        return "\n".join(lines)


class ConfigError(HubError):
    """A configuration, mapping or schema file is wrong; ``findings`` lists every problem."""

    exit_code = 1
    slug = "config"

    def __init__(
        self,
        what: str,
        findings: Sequence[Diagnostic] = (),
        *,
        where: str = "",
        why: str = "",
        fix: str = "",
    ) -> None:
        super().__init__(what, where=where, why=why, fix=fix)
        self.findings = tuple(findings)


class UsageError(HubError):
    """The command was called with words it does not take."""

    exit_code = 2
    slug = "usage"


class NotApproved(HubError):
    """A version of a mapping that the roles in ``change.review`` have not approved does not go live."""

    exit_code = 1
    slug = "not-approved"


class NotFound(HubError):
    """Nothing has that key, name or id."""

    exit_code = 2
    slug = "not-found"


class RetryableError(HubError):
    """Trying again later makes sense; ``retry_after`` is in seconds, None when nobody said."""

    slug = "retryable"

    def __init__(
        self,
        what: str,
        *,
        retry_after: float | None = None,
        where: str = "",
        why: str = "",
        fix: str = "",
    ) -> None:
        super().__init__(what, where=where, why=why, fix=fix)
        self.retry_after = retry_after


class FatalError(HubError):
    """Going on could lose or double something: the hub stops at once."""

    slug = "fatal"
