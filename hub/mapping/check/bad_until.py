"""``until`` waits for something that can come: a field that is kept by its value, of an entity some table makes.

The hub looks for the entity by the first field of ``match``; that works for text and references. An entity that no
table of the workspace makes never arrives, and the step would wait for ever.

Example::

    until: {entity: goods_receipt, match: {goods_receipt.complete: steps.purchase.id}}   # complete is a boolean

Fix: match a text or ref field of the entity, and map the stream it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.table import LoopDef, Path, StepDef, UntilDef
from hub.model.diagnostic import Diagnostic

ID = "bad-until"


def check(checked: Checked) -> Iterator[Diagnostic]:
    made = {table.entity for table in checked.tables}
    for loop, step in checked.steps():
        until = step.until
        if until is None or checked.context.schemas.get(until.entity) is None:
            continue
        place = until.places.get("entity", until.place)
        if until.entity not in made:
            kinds = ", ".join(sorted(made)) or "nothing"
            why = f"the tables of this workspace make: {kinds}"
            yield finding(place, ID, f"no {until.entity} ever arrives", why, "add a table for it")
        if until.entity in _names(loop, step):
            why = "one name with two meanings misleads whoever reads the condition"
            yield finding(place, ID, f'"{until.entity}" is already a name here', why, "wait for another entity")
        if "match" in until.places and not until.matches:
            why = "every one that arrives would do, whatever it is for"
            fix = f"write match: {{{until.entity}.<field>: steps.{step.name}.id}}"
            yield finding(until.places["match"], ID, "match names nothing", why, fix)
        for left, _ in until.matches:
            yield from _left(checked, until, left)


def _names(loop: LoopDef, step: StepDef) -> set[str]:
    lists = {related.name for related in loop.related}
    return {loop.entity, "was", *lists, *((step.each[0],) if step.each else ())}


def _left(checked: Checked, until: UntilDef, left: Path) -> Iterator[Diagnostic]:
    if len(left.steps) != 2 or left.steps[0] != until.entity:
        why = f"the left side names one field of the entity that may come: {until.entity}.<field>"
        yield finding(
            left.place, ID, f"{left.text} is no field of {until.entity}", why, f"write {until.entity}.<field>"
        )
        return
    found = checked.matched.get(id(left))
    schema = checked.context.schemas.get(until.entity)
    field = str(left.steps[1])
    if schema is None or field not in schema.fields or found is None:
        return  # an unknown name is reported already
    if schema.x_type(field) not in ("ref", "string"):
        why = f"{field} is {found}; entities are found by text and references"
        yield finding(left.place, ID, f"{left.text} cannot be matched", why, "match a text or ref field")
