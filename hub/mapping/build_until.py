"""``on_fail`` and ``until`` of a step: what follows when it fails, what must happen elsewhere before it is done."""

from __future__ import annotations

from typing import Literal

from hub.mapping.form import Form, path_of
from hub.mapping.table import UntilDef

UNTIL_KEYS = ("entity", "match", "when")
ON_FAIL = ("ask", "undo")


def on_fail_of(form: Form) -> Literal["ask", "undo"]:
    return "undo" if form.choice("on_fail", ON_FAIL) == "undo" else "ask"


def until_of(form: Form) -> UntilDef | None:
    """``until: {entity: …, match: {entity.field: path}, when: '…'}``; None where absent or not of that shape."""
    inner = Form.of(form.findings, form.take("until"), "until", UNTIL_KEYS)
    if inner is None:
        return None
    entity = inner.text("entity", example="goods_receipt")
    inner.need("match", f"{{{entity}.requisition: steps.purchase.id}}")
    pairs = [(path_of(form.findings, key), path_of(form.findings, value)) for key, value in inner.pairs("match")]
    matches = tuple((left, right) for left, right in pairs if left is not None and right is not None)
    places = {key: inner.place(key) for key in inner.node.pairs}
    return UntilDef(entity, matches, inner.expression("when"), form.place("until"), places)
