"""Tryton's SPEC: settings, what is polled, what can be done. Data only."""

from __future__ import annotations

from connectors.tryton.paper import actions
from hub.connector.spec import ConnectorSpec, Setting, StreamField, StreamSpec
from hub.connector.updates import update_action

UPDATE = "project.update"
UPDATABLE = ("name", "comment", "status")
_ID, _NUMBER = StreamField("id", "stable id"), StreamField("number", "what people call it")
_WRITTEN = StreamField("updated_at", "version time of the record", "instant")
_PROJECT = StreamSpec(
    "project",
    "a project (project.work of that type)",
    ("id", "name", "comment", "progress", "status", "party", "updated_at"),
    (
        _ID,
        StreamField("name", "its name"),
        StreamField("comment", "long text"),
        StreamField("status", "its status by name, as this Tryton calls it"),
        StreamField("progress", "between 0 and 1", "decimal"),
        StreamField("party", "code of the party it is for"),
        _WRITTEN,
    ),
    polled=True,
    update_action=UPDATE,
    updatable=UPDATABLE,
)
_GOODS_RECEIPT = StreamSpec(
    "goods_receipt",
    "a supplier's shipment that has arrived, once for each requisition it is for",
    (
        *("id", "number", "requisition", "requisition_number", "received_at", "received_on", "complete", "lines"),
        *("supplier", "warehouse", "updated_at"),
    ),
    (
        _ID,
        _NUMBER,
        StreamField("requisition", "id of the requisition it is for, as a loop's step knows it; null: for none"),
        StreamField("requisition_number", "the number of that requisition"),
        StreamField("received_at", "when Tryton noted it", "instant"),
        StreamField("received_on", "the day it counts for", "date"),
        StreamField("complete", "whether all that the requisition asks for was bought and has arrived", "boolean"),
        StreamField("lines", "product and quantity of each thing that came for it", "list"),
        StreamField("supplier", "code of who delivered"),
        _WRITTEN,
    ),
    polled=True,
)
_INVOICE = StreamSpec(
    "invoice",
    "a supplier's or an employee's invoice",
    (
        *("id", "number", "of", "of_kind", "of_number", "requisitions", "state", "text", "invoice_date", "posted_on"),
        *("total", "party", "updated_at"),
    ),
    (
        _ID,
        _NUMBER,
        StreamField("of", "id of the requisition it is for, where it is one; a reimbursement is for itself"),
        StreamField("of_kind", "purchase_requisition or reimbursement: ids of the two may be the same"),
        StreamField("of_number", "the number of that document"),
        StreamField("requisitions", "ids of all requisitions it is for", "list"),
        StreamField("state", "draft, validated, posted, paid or cancelled"),
        StreamField("posted_on", "the day it entered the books", "date"),
        StreamField("total", "what is to be paid: amount and currency", "money", sensitive=True),
        StreamField("party", "code of who is paid", sensitive=True),
        _WRITTEN,
    ),
    polled=True,
)

SPEC = ConnectorSpec(
    name="tryton",
    title="Tryton 8.2",
    settings=(
        Setting(
            "url", "url", "address of the server, without the database", "https://tryton.example.com", required=True
        ),
        Setting("database", "text", "name of the database", "erp", required=True),
        Setting("key", "text", "key of a user application `rest`", "env:TRYTON_KEY", required=True, secret=True),
        Setting("company", "text", "company to act for, by name; default: the key's user's own", "Example Ltd"),
        Setting("warehouse", "text", "code of the warehouse to deliver to; default: Tryton's own", "WH"),
        Setting("expense_account", "text", "code of the account reimbursements are booked to", "5.1.1"),
        Setting("web", "url", "address of the web client, for links people can open", "https://tryton.example.com"),
    ),
    streams=(_PROJECT, _GOODS_RECEIPT, _INVOICE),
    actions=(*actions(), update_action(UPDATE, {"en": "change the project in Tryton", "zh": "修改 Tryton 项目"})),
    guarantee={
        "en": "At most one document for one reference while the hub is its only sender; read back exactly.",
        "zh": "在仅由本系统发送的前提下，同一引用号最多产生一张单据，并逐项精确回读核对。",
    },
)
