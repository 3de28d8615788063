"""Operations documents: what may be asked of any ERP, and what reading one back returns. Described once, here.

``erp``, ``tryton`` and every later ERP connector build their ``ActionSpec`` with ``operation`` from the same
payload and document schemas; that is what lets a mapping table move to another ERP by changing one word. Values
are canonical JSON (``hub.model.values``), told by ``x-type``. A field a system cannot give is null when read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.model.action import ActionSpec, Call, TargetClass, Weight

Shape = dict[str, Any]


def text(about: str, length: int = 500) -> Shape:
    """A text field."""
    return {"type": "string", "minLength": 1, "maxLength": length, "description": about}


def money(about: str) -> Shape:
    """An amount with its currency, both text: never a float."""
    return {
        "type": "object",
        "x-type": "money",
        "description": about,
        "additionalProperties": False,
        "required": ["amount", "currency"],
        "properties": {
            "amount": {"type": "string", "pattern": r"^-?[0-9]{1,18}(\.[0-9]{1,9})?$"},
            "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
        },
    }


def decimal(about: str) -> Shape:
    return {"type": "string", "x-type": "decimal", "pattern": r"^-?[0-9]{1,18}(\.[0-9]{1,9})?$", "description": about}


def day(about: str) -> Shape:
    return {"type": "string", "x-type": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "description": about}


def person(about: str) -> Shape:
    return {"type": "string", "x-type": "person", "minLength": 1, "maxLength": 100, "description": about}


def record(required: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    """An object with exactly these fields."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": {**required, **(optional or {})},
    }


def rows(about: str, row: Shape) -> Shape:
    return {"type": "array", "minItems": 1, "maxItems": 1000, "items": row, "description": about}


def document(fields: Mapping[str, Shape]) -> Shape:
    """A document as read: the common head, then its own fields; each may be null."""
    head = {
        "number": text("the number people know it by"),
        "state": text("its state in the system, in the system's words"),
        "external_ref": text("our reference, as the document carries it"),
    }
    return {"type": "object", "properties": {name: _nullable(shape) for name, shape in {**head, **fields}.items()}}


def _nullable(shape: Shape) -> Shape:
    return {**shape, "type": [shape["type"], "null"]}


@dataclass(frozen=True, slots=True)
class Operation:
    """One action, whoever offers it: its words, weight and schemas."""

    name: str
    title: Mapping[str, str]
    weight: Weight
    payload: Shape
    document: Shape
    money_fields: tuple[str, ...] = ()
    undo: str = ""


_LINE = {
    "product": text("the ERP's product code", 100),
    "quantity": decimal("how many"),
    "unit_price": money("price of one"),
}
_REQUISITION = {
    "title": text("what it is for"),
    "requester": person("who asks: employee code"),
    "needed_by": day("when it must be there"),
}
_REIMBURSEMENT = {
    "employee": person("who is paid back: employee code"),
    "amount": money("how much"),
    "text": text("what it was spent on", 2000),
}
_ASSET = {
    "name": text("what the thing is called"),
    "category": text("the kind of asset", 100),
    "value": money("acquisition value"),
    "in_use": day("first day of use: depreciation starts"),
}
_SETTLEMENT = {
    "budget": text("the budget code it is settled against", 100),
    "amount": money("how much of the budget was used"),
    "text": text("what for", 2000),
}
_PERIOD = {"period": text("accounting period, as 2026-01", 20)}
_CANCEL = record({"id": text("the document's id or number", 100)}, {"why": text("the reason", 2000)})

_REQUISITION_READ = document(
    {
        **_REQUISITION,
        "total": money("sum over the lines of quantity times price, by the ERP's own count"),
        "lines": rows("what is asked for", record({**_LINE}, {"amount": money("quantity times price")})),
    }
)
_REIMBURSEMENT_READ = document(_REIMBURSEMENT)
_ASSET_READ = document(_ASSET)
_SETTLEMENT_READ = document({**_SETTLEMENT, **_PERIOD, "remaining": money("what the budget has left")})

OPERATIONS: Mapping[str, Operation] = {
    op.name: op
    for op in (
        Operation(
            "purchase_requisition.create",
            {"en": "purchase requisition", "zh": "采购申请"},
            "money",
            record({**_REQUISITION, "lines": rows("what to buy", record(_LINE))}),
            _REQUISITION_READ,
            ("total",),
            "purchase_requisition.cancel",
        ),
        Operation(
            "reimbursement.create",
            {"en": "reimbursement", "zh": "报销单"},
            "money",
            record(_REIMBURSEMENT),
            _REIMBURSEMENT_READ,
            ("amount",),
            "reimbursement.cancel",
        ),
        Operation(
            "asset.create",
            {"en": "asset entry", "zh": "固定资产"},
            "asset",
            record(_ASSET),
            _ASSET_READ,
            ("value",),
            "asset.cancel",
        ),
        Operation(
            "settlement.create",
            {"en": "budget settlement", "zh": "预算结算"},
            "money",
            record(_SETTLEMENT, _PERIOD),
            _SETTLEMENT_READ,
            ("amount",),
            "settlement.cancel",
        ),
        Operation(
            "purchase_requisition.cancel",
            {"en": "cancel purchase requisition", "zh": "取消采购申请"},
            "record",
            _CANCEL,
            _REQUISITION_READ,
        ),
        Operation(
            "reimbursement.cancel",
            {"en": "cancel reimbursement", "zh": "取消报销单"},
            "record",
            _CANCEL,
            _REIMBURSEMENT_READ,
        ),
        Operation("asset.cancel", {"en": "cancel asset entry", "zh": "撤销固定资产"}, "record", _CANCEL, _ASSET_READ),
        Operation(
            "settlement.cancel",
            {"en": "cancel settlement", "zh": "撤销预算结算"},
            "record",
            _CANCEL,
            _SETTLEMENT_READ,
        ),
    )
}
"""Every operation by its action name, e.g. ``purchase_requisition.create``."""


def operation(
    name: str,
    *,
    target: TargetClass,
    carrier: str,
    calls: tuple[Call, ...] = (),
    undo_from: frozenset[str] = frozenset(),
    key_life_seconds: int = 24 * 3600,
    quiesce_seconds: int = 300,
) -> ActionSpec:
    """The ``ActionSpec`` of an operation as one system does it. Without ``calls``: one, named like its verb."""
    op = OPERATIONS[name]
    return ActionSpec(
        name=op.name,
        title=op.title,
        weight=op.weight,
        target=target,
        payload=op.payload,
        document=op.document,
        calls=calls or (Call(name.rpartition(".")[2]),),
        carrier=carrier,
        undo=op.undo if undo_from else "",
        undo_from=undo_from,
        key_life_seconds=key_life_seconds,
        quiesce_seconds=quiesce_seconds,
        money_fields=op.money_fields,
    )
