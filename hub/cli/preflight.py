"""``hub preflight ENTITY KEY``: what closing it now would do, decided by the loops themselves; writes nothing.

With ``--backtest SINCE`` the same prediction is made for every closing since then, from the recorded state just
before it, and compared with what happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.model.entity import Entity
    from hub.model.record import Json
    from hub.model.schema import Schema
    from hub.store.snapshot import Snapshot

EntityArgument = Annotated[str, typer.Argument(metavar="[ENTITY]", help="project, campaign …")]
KeyArgument = Annotated[str, typer.Argument(metavar="[KEY]", help="Its key or label.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="A value it would have; by default what the condition names."),
]
AtOption = Annotated[str, typer.Option("--at", metavar="TIME", help="When it would be closed (default: now).")]
LoopOption = Annotated[str, typer.Option("--loop", metavar="NAME", help="Only that loop.")]
BacktestOption = Annotated[
    str, typer.Option("--backtest", metavar="SINCE", help="Predict every closing since then, and compare.")
]
LanguageOption = Annotated[str, typer.Option("--language", help="zh or en (default: the workspace's).")]


def register(app: typer.Typer) -> None:
    @app.command()
    def preflight(
        entity: EntityArgument = "",
        key: KeyArgument = "",
        given: SetOption = None,
        at: AtOption = "",
        loop: LoopOption = "",
        backtest: BacktestOption = "",
        language: LanguageOption = "",
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> int:
        """Say what closing something now would do; writes nothing. Exit 1 when something is in the way."""
        from hub.bootstrap import open_workspace
        from hub.errors import UsageError

        opened = open_workspace(workspace)
        if backtest:
            return _backtest(opened, backtest, loop, form, language or opened.settings.language)
        if not entity or not key:
            raise UsageError("say what: hub preflight ENTITY KEY", fix="hub preflight project OPS-41")
        answer = answered(opened, entity, key, given or [], at, loop)
        shown(answer, form, language or opened.settings.language)
        return 1 if any(in_the_way(one) for one in answer["loops"]) else 0


def _backtest(opened: Workspace, since: str, only: str, form: Format, language: str) -> int:
    from hub.cli.backtest import backtest
    from hub.cli.render import document
    from hub.history.backtest_report import lines

    said = backtest(opened, _time(since), only)
    if form is Format.json:
        document(said)
    else:
        print("\n".join(lines(said, language)))
    return 1 if said["unexplained"] else 0


def in_the_way(one: dict[str, Any]) -> bool:
    """Whether somebody has to do something before it could close well; an approval is the ordinary way."""
    if one["would"] == "not_now" and one["starts_by"] != "change":
        return False  # a warning nobody needs now is in nobody's way
    return one["would"] not in ("done", "already", "history") or bool(one["missing"] or one["quarantine"])


def answered(opened: Workspace, kind: str, key: str, given: list[str], at: str, only: str) -> dict[str, Any]:
    """The answer as JSON. Raises ``NotFound`` and ``UsageError``."""
    from hub.history.preflight import closing_json, subject_json
    from hub.history.rehearsal import Question, foresee
    from hub.store.snapshot import snapshot

    now = opened.clock.now()
    catalog = opened.catalog
    with snapshot(opened.store) as view:
        subject = _subject(view, kind, key)
        wish = _given(given, catalog.schemas.get(kind), opened)
        question = Question(subject, _time(at) if at else now, now, wish, {})
        loops = [one for one in catalog.loops(kind) if not only or one.definition.name == only]
        found = [foresee(view, catalog, loop, question) for loop in loops]
        return {**subject_json(subject, now), "loops": [closing_json(one, catalog) for one in found]}


def _subject(view: Snapshot, kind: str, words: str) -> Entity:
    from hub.errors import NotFound

    found = view.entity(kind, words)
    if found is None:
        key = view.key_of_label(kind, words)
        found = view.entity(kind, key) if key is not None else None
    if found is None:
        raise NotFound(f"there is no {kind} {words}", why="no record with that key or label has been applied")
    return found


def _given(texts: list[str], schema: Schema | None, opened: Workspace) -> dict[str, Json]:
    from hub.errors import UsageError

    found: dict[str, Json] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or schema is None or name not in schema.fields:
            known = ", ".join(sorted(schema.fields)) if schema else ""
            raise UsageError(
                f"--set {text}: no field {name!r}", why=f"fields are: {known}", fix="--set status=closed"
            )
        found[name] = _typed(value, schema.x_type(name), opened)
    return found


def _typed(text: str, kind: str, opened: Workspace) -> Json:
    """A value as people type it, by the schema's type."""
    from hub.errors import UsageError
    from hub.mapping.literals import BadLiteral, money, point_in_time
    from hub.model.clock import iso

    if text in ("", "null"):
        return None
    try:
        match kind:
            case "money":
                return money(text).json()
            case "instant":
                return iso(point_in_time(text, "UTC"))
            case "integer":
                return int(text)
            case "boolean":
                return {"true": True, "false": False}[text]
            case _:
                return text
    except (BadLiteral, ValueError, KeyError) as error:
        raise UsageError(f"--set: {text!r} is no {kind}", why=str(error)) from error


def _time(text: str) -> int:
    from hub.errors import UsageError
    from hub.mapping.literals import BadLiteral, point_in_time

    try:
        return point_in_time(text, "UTC")
    except BadLiteral as error:
        raise UsageError(f"{text}: {error}", fix="2026-01-31 or 2026-01-31T08:00:00Z") from error


def shown(answer: dict[str, Any], form: Format, language: str) -> None:
    from hub.cli.render import document
    from hub.history.preflight_text import lines

    if form is Format.json:
        document(answer)
    else:
        print("\n".join(lines(answer, language)))
