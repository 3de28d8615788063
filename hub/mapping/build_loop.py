"""Nodes -> loops and their steps. Grammar only: whether an action or a name exists is asked by ``check/``."""

from __future__ import annotations

from functools import partial
from typing import Literal, cast

from hub.mapping.build_governance import Inherited
from hub.mapping.build_table import connection_of, each_of, rows_of
from hub.mapping.build_timing import approve_of, calendar_of, due_of, escalate_of, schedule_of
from hub.mapping.build_until import on_fail_of, until_of
from hub.mapping.form import Form
from hub.mapping.literals import duration, point_in_time, span
from hub.mapping.table import (
    Expression,
    LoopDef,
    RelatedDef,
    RequireDef,
    StepDef,
    Texts,
)
from hub.model.clock import Micros
from hub.model.diagnostic import Place

LOOP_KEYS = (
    *("loop", "title", "for", "when", "starts", "once", "settle", "related", "require", "steps"),
    *("owner", "renamed_from", "calendar", "schedule", "due", "rearm", "within", "escalate"),
)
STEP_KEYS = (
    *("step", "title", "if", "each", "key", "do", "with", "after", "approve", "expect", "undo", "within"),
    *("escalate", "on_fail", "until"),
)
SETTLE_DEFAULT: Micros = 5_000_000
_NEVER = "false"
Once = Literal["life", "closing", "crossing", "period"]


def loop_of(form: Form, systems: dict[str, str], above: Inherited) -> LoopDef:
    """One loop. What is missing is reported; the loop stands with what there is."""
    name = form.text("loop", example="close-out")
    form.what = f"loop {name}"
    form.need("when", "'project.status == \"closed\"'")
    starts = Form.of(form.findings, form.take("starts"), "starts", ("at", "of"))
    settle = form.literal("settle", duration)
    schedule, due = schedule_of(form), due_of(form)
    return LoopDef(
        name=name,
        title=form.texts("title"),
        entity=form.text("for", example="project"),
        place=form.place("loop"),
        owner=form.owner(above.governance.owner),
        when=form.expression("when") or Expression(_NEVER, form.place("when")),
        starts_at=starts.literal("at", partial(point_in_time, zone=above.zone)) if starts else None,
        starts_of=starts.path("of") if starts else None,
        once=_once(form, "period" if schedule else "crossing" if due else "life"),
        settle=SETTLE_DEFAULT if settle is None else settle,
        related=_related(form),
        require=_require(form, above.governance.owner),
        steps=_steps(form, systems, above),
        renamed_from=form.text("renamed_from"),
        places={key: form.place(key) for key in form.node.pairs},
        within=form.literal("within", span),
        escalate=escalate_of(form, systems),
        calendar=calendar_of(form, above),
        schedule=schedule,
        due=due,
        rearm=form.expression("rearm"),
    )


def _once(form: Form, default: Once) -> Once:
    words = ("life", "closing", "crossing", "period")
    return cast(Once, form.choice("once", words)) if "once" in form else default


def _related(form: Form) -> tuple[RelatedDef, ...]:
    found = []
    for name, node in form.pairs("related"):
        inner = Form.of(form.findings, node, f"related {name.text}", ("entity", "by", "where"))
        if inner is None:
            continue
        entity, by = inner.text("entity", example="purchase_item"), inner.text("by", example="project")
        places = {key: inner.place(key) for key in inner.node.pairs}
        place = form.findings.place(name)
        found.append(RelatedDef(name.text, entity, by, inner.expression("where"), place, places))
    return tuple(found)


def _require(form: Form, owner: str) -> tuple[RequireDef, ...]:
    found = []
    for inner in form.forms("require", "a requirement", ("check", "else", "owner")):
        inner.need("check", "'filled(project.cost_center)'")
        check = inner.expression("check")
        if check is not None:
            found.append(RequireDef(check, _else(inner), inner.owner(owner), inner.place("check")))
    return tuple(found)


def _else(form: Form) -> Texts:
    texts = form.texts("else")
    if not texts:
        form.need("else", "{en: what is missing, zh: 缺少什么}")
    return texts


def _steps(form: Form, systems: dict[str, str], above: Inherited) -> tuple[StepDef, ...]:
    if "steps" not in form:
        form.need("steps", "[{step: …, do: …}]")
    return tuple(_step(step, systems, above) for step in form.forms("steps", "a step", STEP_KEYS))


def _step(form: Form, systems: dict[str, str], above: Inherited) -> StepDef:
    name = form.text("step", example="purchase")
    form.what = f"step {name}"
    alias, _, action = form.text("do", example="erp.reimbursement.create").partition(".")
    connection = connection_of(form, "do", alias, systems)
    expect = {field.text: (field, form.expression_of(node, field.text)) for field, node in form.pairs("expect")}
    places = _step_places(form)
    places.update({f"expect/{field}": form.findings.place(key) for field, (key, _) in expect.items()})
    return StepDef(
        name=name,
        title=form.texts("title"),
        place=form.place("step"),
        connection=connection,
        action=action,
        applies=form.expression("if"),
        each=each_of(form) if "each" in form else None,
        key=form.path("key"),
        payload=rows_of(form, "with", above),
        after=tuple(word.text for word in form.words("after")),
        approve=approve_of(form, systems),
        expect={field: expression for field, (_, expression) in expect.items() if expression is not None},
        undo=_undo(form, systems),
        within=form.literal("within", span),
        escalate=escalate_of(form, systems),
        places=places,
        on_fail=on_fail_of(form),
        until=until_of(form),
    )


def _step_places(form: Form) -> dict[str, Place]:
    places = {key: form.place(key) for key in form.node.pairs}
    if "after" in form:
        places.update({f"after/{word.text}": form.findings.place(word) for word in form.words("after")})
    return places


def _undo(form: Form, systems: dict[str, str]) -> str:
    """``erp.reimbursement.cancel`` with the connection in place of its alias; empty stays empty."""
    alias, dot, name = form.text("undo").partition(".")
    return f"{connection_of(form, 'undo', alias, systems)}{dot}{name}"
