"""The built-in ERP's SPEC: settings, what is polled, what can be done. Data only."""

from __future__ import annotations

from hub.connector.documents import OPERATIONS, operation
from hub.connector.spec import ConnectorSpec, Setting, StreamField, StreamSpec
from hub.connector.updates import update_action
from hub.model.action import Call, TargetClass

PROJECT_FIELDS = ("name", "status", "manager", "budget", "due")
PATHS = {
    "purchase_requisition": "purchase_requisitions",
    "reimbursement": "reimbursements",
    "asset": "assets",
    "settlement": "settlements",
}
UNDO_FROM = {
    "purchase_requisition.create": frozenset({"submitted"}),
    "reimbursement.create": frozenset({"submitted"}),
    "asset.create": frozenset({"in_use"}),
    "settlement.create": frozenset({"posted"}),
}
CANCEL = (Call("cancel", frozenset({"cancelled"})),)
"""Done once the document reads as cancelled."""
KEY_LIFE_SECONDS = 30 * 24 * 3600

UPDATE = "project.update"
_HEAD = ("id", "kind", "number", "version", "updated_at")
_VERSION = StreamField("updated_at", "version time of the record", "instant")
_GOODS_RECEIPT = StreamSpec(
    "goods_receipt",
    "goods that arrived for a purchase requisition",
    (*_HEAD, "requisition", "requisition_number", "received_at", "complete", "lines"),
    (
        StreamField("id", "stable id"),
        StreamField("number", "what people call it: GR-2026-0001"),
        StreamField("requisition", "id of the requisition it is for, as a loop's step knows it"),
        StreamField("requisition_number", "the number of that requisition"),
        StreamField("received_at", "when the goods came", "instant"),
        StreamField("complete", "whether all that was asked for has arrived by now", "boolean"),
        StreamField("lines", "product and quantity of each thing that came", "list"),
        _VERSION,
    ),
    polled=True,
)
_INVOICE = StreamSpec(
    "invoice",
    "an invoice for one of the ERP's documents",
    (*_HEAD, "of", "of_kind", "of_number", "state", "posted_at", "total", "party"),
    (
        StreamField("id", "stable id"),
        StreamField("number", "what people call it: INV-2026-0001"),
        StreamField("of", "id of the document it is for, as a loop's step knows it"),
        StreamField("of_kind", "purchase_requisition, reimbursement, asset or settlement"),
        StreamField("of_number", "the number of that document"),
        StreamField("state", "draft, posted, paid or cancelled"),
        StreamField("posted_at", "when it entered the books", "instant"),
        StreamField("total", "what is to be paid: amount and currency", "money", sensitive=True),
        StreamField("party", "who is paid: employee or supplier code", sensitive=True),
        _VERSION,
    ),
    polled=True,
)
_PROJECT = StreamSpec(
    "project",
    "a project as the ERP knows it",
    (*_HEAD, "code", *PROJECT_FIELDS),
    (
        StreamField("id", "stable id"),
        StreamField("code", "what people call it"),
        StreamField("name", "its name"),
        StreamField("status", "planned, active or closed"),
        StreamField("manager", "employee code", "person", sensitive=True),
        StreamField("budget", "what it may cost: amount and currency", "money", sensitive=True),
        StreamField("due", "the day it must be finished", "date"),
        _VERSION,
    ),
    polled=True,
    update_action=UPDATE,
    updatable=PROJECT_FIELDS,
)
LISTS = {"goods_receipt": "goods_receipts", "invoice": "invoices", "project": "projects"}
"""Where each stream is listed."""

SPEC = ConnectorSpec(
    name="erp",
    title="Built-in ERP",
    settings=(
        Setting("url", "url", "where it answers; `builtin` starts it with the hub", "builtin", "builtin"),
        Setting("allow", "list", "origins the hub may connect to although they are not public"),
        Setting("api_token", "text", "bearer token, where a proxy in front of it wants one", secret=True),
    ),
    streams=(_GOODS_RECEIPT, _INVOICE, _PROJECT),
    actions=(
        *(
            operation(
                name,
                target=TargetClass.A,
                carrier="field external_ref and header Idempotency-Key",
                calls=CANCEL if name.endswith(".cancel") else (),
                undo_from=UNDO_FROM.get(name, frozenset()),
                key_life_seconds=KEY_LIFE_SECONDS,
            )
            for name in OPERATIONS
        ),
        update_action(UPDATE, {"en": "change the ERP project", "zh": "修改 ERP 项目"}),
    ),
    has_twin=True,
    guarantee={
        "en": "One document per effect: the ERP remembers our key for good and refuses a reference it has seen.",
        "zh": "每个动作只产生一张单据：ERP 永久记住幂等键，并拒绝重复的外部引用。",
    },
)
