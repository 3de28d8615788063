"""``hub health [INTEGRATION]``: status, five figures, the balance, what is asked of whom; text, JSON or HTML."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.options import HERE, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.health.gather import Subject
    from hub.health.report import Health
    from hub.mapping.table import IntegrationDef

NameArgument = Annotated[str, typer.Argument(metavar="[INTEGRATION]", help="Default: all of them.")]
FormOption = Annotated[str, typer.Option("--format", help="text, json or html (one self-contained file).")]
OutOption = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write there instead of stdout.")]
LanguageOption = Annotated[str, typer.Option("--language", help="zh or en (default: the workspace's).")]


def register(app: typer.Typer) -> None:
    @app.command()
    def health(
        integration: NameArgument = "",
        form: FormOption = "text",
        out: OutOption = None,
        language: LanguageOption = "",
        workspace: WorkspaceOption = HERE,
    ) -> None:
        """Report the health of each integration."""
        from hub.bootstrap import open_workspace

        opened = open_workspace(workspace)
        text = rendered(opened, integration, form, language or opened.settings.language)
        if out is None:
            print(text)
        else:
            out.write_text(text + "\n", encoding="utf-8")


def rendered(opened: Workspace, integration: str, form: str, language: str) -> str:
    """The report as text. Raises ``NotFound`` for an integration nobody has, ``UsageError`` for a form."""
    import orjson

    from hub.cli.governed import notes
    from hub.errors import UsageError
    from hub.health.html import as_html
    from hub.health.report import as_json
    from hub.health.text import as_text

    if form not in ("text", "json", "html") or language not in ("zh", "en"):
        raise UsageError("--format is text, json or html; --language is zh or en", fix="hub health --help")
    healths = assessed(opened, integration)
    zone = zone_of(opened)
    if form == "json":
        return orjson.dumps(as_json(healths)).decode()
    if form == "html":
        return as_html(healths, language, zone)
    return "\n\n".join([*(as_text(one, language, zone) for one in healths), *notes(opened)])


def assessed(opened: Workspace, integration: str = "") -> list[Health]:
    """Every integration asked for, judged from one read snapshot each."""
    from hub.errors import NotFound
    from hub.health.gather import gather
    from hub.health.report import assess
    from hub.store.queries.status import records

    definitions = opened.definitions
    if integration and integration not in definitions:
        raise NotFound(f"there is no integration {integration!r}", why=f"there are: {', '.join(sorted(definitions))}")
    outside = opened.outside().waiting
    with opened.store.read() as db:
        lost = records(db)["unaccounted"]
        names = [integration] if integration else sorted(definitions)
        subjects = [subject(opened, definitions[name]) for name in names]
        return [assess(gather(db, one, lost, opened.clock.now(), outside)) for one in subjects]


def subject(opened: Workspace, definition: IntegrationDef) -> Subject:
    """What ``hub.yaml`` and the mapping file say about an integration."""
    from hub.health.gather import Subject

    facts = opened.connection_facts
    sources = tuple(sorted({table.connection for table in definition.tables}))
    return Subject(
        name=definition.name,
        title=definition.title,
        owner=definition.owner,
        logic=definition.logic,
        sources=sources,
        refetch={name: facts[name].refetch for name in sources if name in facts},
        actions={(name, action): spec for name, one in facts.items() for action, spec in one.actions.items()},
        slo_fresh=definition.slo.fresh,
        slo_consistent=definition.slo.consistent,
        slo_done_within=definition.slo.done_within,
        slo_done_share=definition.slo.done_share,
        said={
            text: one.otherwise
            for loop in definition.loops
            for one in loop.require
            for text in one.otherwise.values()
        },
    )


def zone_of(opened: Workspace) -> str:
    """The zone times are shown in: that of the first integration, UTC without any."""
    return next((one.zone for one in opened.definitions.values() if one.zone), "UTC")
