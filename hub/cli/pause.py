"""``hub pause`` and ``hub resume``: a person stops the sending of an integration, and lets it go on.

A halt that the hub itself made because an invariant broke is lifted by ``hub resume`` too, after somebody has looked.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.model.effect import Effect

Integration = Annotated[str, typer.Argument(help="Name of the integration (hub status lists them).")]
Who = Annotated[str, typer.Option("--as", help="Who decides: a person of people.yaml.")]
Why = Annotated[str, typer.Option("--why", help="The reason; it is kept.")]


def register(app: typer.Typer) -> None:
    @app.command()
    def pause(
        integration: Integration,
        who: Who,
        why: Why,
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Stop sending for an integration; reading, deciding and looking up go on."""
        _pause(integration, who, why, workspace, form)

    @app.command()
    def resume(
        integration: Integration,
        who: Who,
        why: Why,
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Let an integration send again, also after the hub itself stopped it."""
        _resume(integration, who, why, workspace, form)


def _pause(integration: str, who: str, why: str, folder: Path, form: Format) -> None:
    from hub.model.halt import Halt
    from hub.store.halts import halt

    opened, code = _opened(integration, who, why, folder)
    new = Halt(integration, "person", why, opened.clock.now(), code)
    opened.join()
    done = opened.store.write_now(lambda transaction: halt(transaction, new))
    _say(opened, integration, form, "paused" if done else "was paused before; nothing changed")


def _resume(integration: str, who: str, why: str, folder: Path, form: Format) -> None:
    from hub.store.halts import lift

    opened, code = _opened(integration, who, why, folder)
    opened.join()
    now = opened.clock.now()
    done = opened.store.write_now(lambda transaction: lift(transaction, integration, code, why, now))
    asyncio.run(_wake(opened, integration, code))
    _say(opened, integration, form, "sends again" if done else "was not paused; nothing changed")


def _opened(integration: str, who: str, why: str, folder: Path) -> tuple[Workspace, str]:
    from hub.bootstrap import open_workspace
    from hub.cli.decisions import person
    from hub.errors import NotFound, UsageError

    opened = open_workspace(folder)
    if integration not in opened.definitions:
        names = ", ".join(sorted(opened.definitions))
        raise NotFound(f"there is no integration {integration!r}", why=f"there are: {names}")
    if not why.strip():
        raise UsageError("say why: --why TEXT", why="everybody who looks later will ask")
    return opened, person(opened, who)


async def _wake(opened: Workspace, integration: str, who: str) -> None:
    """What waited because of the halt is due now."""
    from hub.model.effect import EffectState
    from hub.model.fact import EffectMoved
    from hub.store.queries.loops import effects

    with opened.store.read() as db:
        waiting = effects(db, states=[EffectState.PLANNED.value], integration=integration)
    now = opened.clock.now()
    for one in waiting:
        if _is_halted(one):
            fact = EffectMoved(one.key, one.version, EffectState.PLANNED, f"resumed by {who}", now)
            await opened.facts(fact, now)


def _is_halted(effect: Effect) -> bool:
    return effect.reason.startswith("paused")


def _say(opened: Workspace, integration: str, form: Format, words: str) -> None:
    from hub.cli.render import document
    from hub.model.clock import iso
    from hub.store.halts import halts

    held = halts(opened.store).get(integration)
    if form is Format.json:
        shown = (
            None if held is None else {"kind": held.kind, "why": held.why, "since": iso(held.since), "who": held.who}
        )
        document({"integration": integration, "halt": shown})
    else:
        print(f"{integration} {words}")
