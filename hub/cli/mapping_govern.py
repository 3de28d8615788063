"""``hub mapping propose | approve | activate | rollback | history``: how a version goes live, and who said so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import HERE, AsOption, Format, FormatOption, WhyOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.cli.governed import Candidate

Integration = Annotated[str, typer.Argument(help="Name of an integration.")]
VersionOption = Annotated[
    str, typer.Option("--version", metavar="HASH", help="A recorded version; default: the file of the workspace.")
]


def register(group: typer.Typer) -> None:
    @group.command("propose")
    def propose(
        integration: Integration,
        who: AsOption,
        why: WhyOption,
        version: VersionOption = "",
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Record this version and its author, so that others can approve exactly it."""
        _done(workspace, (integration, version), "proposed", who, why, form)

    @group.command("approve")
    def approve(
        integration: Integration,
        who: AsOption,
        why: WhyOption,
        version: VersionOption = "",
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Approve this version in every role of change.review that PERSON holds. Authors cannot."""
        _done(workspace, (integration, version), "approved", who, why, form)

    @group.command("activate")
    def activate(
        integration: Integration,
        who: AsOption,
        why: WhyOption,
        version: VersionOption = "",
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Make an approved version live. Exit 1 with the names of who can approve while it is not."""
        _done(workspace, (integration, version), "activated", who, why, form)

    @group.command("rollback")
    def rollback(
        integration: Integration,
        who: AsOption,
        why: WhyOption,
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Make the version before the active one live again; loops in flight keep theirs."""
        _done(workspace, (integration, _before(workspace, integration)), "activated", who, why, form)

    @group.command("history")
    def history(
        integration: Integration, workspace: WorkspaceOption = HERE, form: FormatOption = Format.text
    ) -> None:
        """Print who proposed, approved and activated which version, oldest first."""
        _history(workspace, integration, form)


def _done(root: Path, named: tuple[str, str], choice: str, who: str, why: str, form: Format) -> None:
    from hub.bootstrap import open_workspace
    from hub.cli.decisions import person
    from hub.cli.governed import candidate
    from hub.cli.render import document
    from hub.errors import UsageError

    space = open_workspace(root)
    if not why.strip():
        raise UsageError("say why: --why TEXT")
    code = person(space, who)
    found = candidate(space, *named)
    about, roles = _CHECKS[choice](space, found, code)
    _record(space, found, choice, code, why, roles, about)
    said = {"integration": found.new.name, "table": found.new.table, "logic": found.new.logic, "choice": choice}
    if form is Format.json:
        document({**said, "who": code, "roles": [role for role in roles if role], **about})
        return
    print(f"{choice} {found.new.name} {found.short} by {code}" + (f" as {', '.join(roles)}" if any(roles) else ""))
    _next(space, named, choice)


def _record(
    space: Workspace,
    found: Candidate,
    choice: str,
    who: str,
    why: str,
    roles: tuple[str, ...],
    about: dict[str, Any],
) -> None:
    from hub.store.governance import Act, record

    new, now = found.new, space.clock.now()
    source = "" if choice == "approved" else new.source
    record(space.store, Act(new.name, new.table, new.logic, choice, who, why, now, source, roles, about))


Checked = tuple[dict[str, Any], tuple[str, ...]]
"""What the event says beside who and why; the roles an approval is given in."""


def _proposing(space: Workspace, found: Candidate, who: str) -> Checked:
    return {"before": found.active.table if found.active else None}, ("",)


def _approving(space: Workspace, found: Candidate, who: str) -> Checked:
    from hub.errors import NotApproved, UsageError
    from hub.mapping.approval import author_of

    author = author_of(found.decisions)
    if not author:
        raise NotApproved(
            f"nobody has proposed {found.new.name} {found.short}",
            why="an approval needs an author it is not",
            fix=f"hub mapping propose {found.new.name} --as PERSON --why TEXT",
        )
    if who == author:
        raise UsageError(f"{who} is its author", why="nobody approves their own version", fix="ask somebody else")
    held = next(one.roles for one in space.people.all if one.code == who)
    roles = tuple(role for role in found.roles if role in held)
    if not roles:
        raise UsageError(f"{who} holds none of the roles that review it: {', '.join(found.roles) or 'none'}")
    return {}, roles


def _activating(space: Workspace, found: Candidate, who: str) -> Checked:
    from hub.cli.governed import in_words, wanting
    from hub.errors import NotApproved, UsageError
    from hub.versions import refuse_second_rename

    if found.active is not None and found.active.table == found.new.table:
        raise UsageError(f"{found.new.name} {found.short} is live already")
    refuse_second_rename(space, found.new)
    missing, over = ((), ()) if space.settings.governance == "off" else wanting(space, found)
    if missing:
        beyond = f"; {'; '.join(over)}" if over else ""
        raise NotApproved(
            f"{found.new.name} {found.short} is not approved",
            why=f"it needs {in_words(missing)}{beyond}",
            fix=f"hub mapping approve {found.new.name} --as PERSON --why TEXT",
        )
    return {"before": found.active.table if found.active else None, "beyond_budget": list(over)}, ("",)


_CHECKS = {"proposed": _proposing, "approved": _approving, "activated": _activating}


def _next(space: Workspace, named: tuple[str, str], choice: str) -> None:
    """What comes next, in words."""
    from hub.cli.governed import candidate, in_words
    from hub.mapping.approval import missing

    if choice == "activated":
        print(_taken(space))
        return
    found = candidate(space, *named)
    left = missing(found.roles, found.decisions, space.people)
    step = f"it needs {in_words(left)}" if left else f"next: hub mapping activate {named[0]} --as PERSON --why TEXT"
    print(step)


def _taken(space: Workspace) -> str:
    """From when on it is what the hub runs."""
    if space.served:
        return "live: the running hub takes it before its next delivery"
    if space.settings.governance == "on":
        return "live: whatever runs next uses it"
    return "live; governance is off, so the next start takes what the file says"


def _before(root: Path, integration: str) -> str:
    """The newest version that was live and is not the active one."""
    from hub.bootstrap import open_workspace
    from hub.errors import NotFound
    from hub.store.queries.records import activations

    space = open_workspace(root)
    with space.store.read() as db:
        live = [row["table_hash"] for row in activations(db, integration)]
    older = [table for table in live if table != live[-1]]
    if not older:
        raise NotFound(f"no other version of {integration} was ever live", fix=f"hub mapping history {integration}")
    return str(older[-1])


def _history(root: Path, integration: str, form: Format) -> None:
    from hub.bootstrap import open_workspace
    from hub.cli.governed import SHORT, decided
    from hub.cli.render import document, table
    from hub.model.clock import iso

    space = open_workspace(root)
    acts = [(one.at, one.choice, one.table, one.who, one.role, one.why) for one in decided(space, integration)]
    acts += _activated(space, integration)
    rows = [(iso(at), choice, tab, who, role, why) for at, choice, tab, who, role, why in sorted(acts)]
    names = ("at", "choice", "table", "who", "role", "why")
    if form is Format.json:
        document([dict(zip(names, row, strict=True)) for row in rows])
    else:
        table(names, [[*row[:2], row[2][:SHORT], *row[3:]] for row in rows], empty="no version yet")


def _activated(space: Workspace, integration: str) -> list[tuple[int, str, str, str, str, str]]:
    """Every activation as a line of the history; why is in the audit, a start of the hub gives no reason."""
    from hub.cli.governed import SHORT
    from hub.store.queries.records import activations, audits

    with space.store.read() as db:
        live = [(one["activated_at"], one["table_hash"], one["activated_by"]) for one in activations(db, integration)]
        names = {tab: f"{integration}@{tab[:SHORT]}" for _, tab, _ in live}
        told = [
            one for name in names.values() for one in audits(db, object_name=name) if one["result"] == "activated"
        ]
    why = {(one["at"], one["object"]): one["why"] for one in told}
    return [(at, "activated", tab, who, "", why.get((at, names[tab]), "")) for at, tab, who in live]
