"""A kind of document in Tryton: its model, where our reference stands, its calls and the states they lead to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from connectors.tryton import asset, reimbursement, requisition
from hub.connector.documents import operation
from hub.model.action import ActionSpec, Call, TargetClass
from hub.model.record import Json

CREATE, CANCEL = "purchase_requisition.create", "purchase_requisition.cancel"


@dataclass(frozen=True, slots=True)
class Paper:
    """``done_in``: the states in which a call need not be made, the calls of ``create`` and of ``cancel`` in order.
    ``presses``: the buttons of a call that is more than the one of its own name."""

    what: str
    model: str
    head: tuple[str, ...]
    fields: tuple[str, ...]
    carrier: str
    document: Callable[[Mapping[str, Json]], dict[str, Json]]
    create: Mapping[str, frozenset[str]]
    cancel: Mapping[str, frozenset[str]]
    undo_from: frozenset[str]
    presses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def done_in(self, call: str) -> frozenset[str]:
        return self.create.get(call) or self.cancel[call]


_APPROVED = frozenset({"approved", "processing", "done"})
_SUBMITTED = _APPROVED | {"waiting"}
_POSTED = frozenset({"posted", "paid"})
_CANCELLED = frozenset({"cancelled"})
_RUNNING = frozenset({"running", "closed"})

PAPERS: Mapping[str, Paper] = {
    "purchase_requisition": Paper(
        "requisition",
        requisition.MODEL,
        requisition.HEAD,
        requisition.FIELDS,
        "description",
        requisition.document,
        {"create": _SUBMITTED | {"draft", "rejected", "cancelled"}, "wait": _SUBMITTED, "approve": _APPROVED},
        {"draft": frozenset({"draft", "cancelled"}), "cancel": _CANCELLED},
        frozenset({"draft", "waiting", "rejected", "approved"}),
    ),
    "reimbursement": Paper(
        "invoice",
        reimbursement.MODEL,
        reimbursement.HEAD,
        reimbursement.FIELDS,
        "description",
        reimbursement.document,
        {"create": _POSTED | {"draft", "validated", "cancelled"}, "post": _POSTED},
        {"cancel": _CANCELLED},
        frozenset({"draft", "validated", "posted"}),
    ),
    "asset": Paper(
        "asset",
        asset.MODEL,
        asset.HEAD,
        asset.FIELDS,
        "comment",
        asset.document,
        {"create": _RUNNING | {"draft"}, "run": _RUNNING},
        {"draft": frozenset({"draft"})},
        frozenset({"running"}),
        {"draft": ("clear_lines", "draft")},
    ),
}
"""By the first word of their actions. A rejected or cancelled document is asked to go on again: Tryton refuses, and a
person sees it."""


def paper_of(action: str) -> Paper:
    return PAPERS[action.partition(".")[0]]


def actions() -> tuple[ActionSpec, ...]:
    """What can be done with them."""
    return tuple(spec for kind, paper in PAPERS.items() for spec in (_create(kind, paper), _cancel(kind, paper)))


def _create(kind: str, paper: Paper) -> ActionSpec:
    return operation(
        f"{kind}.create",
        target=TargetClass.B,
        carrier=f"{paper.carrier}, behind the title: [hub:<reference>]",
        calls=tuple(Call(name, states) for name, states in paper.create.items()),
        undo_from=paper.undo_from,
    )


def _cancel(kind: str, paper: Paper) -> ActionSpec:
    return operation(
        f"{kind}.cancel",
        target=TargetClass.B,
        carrier=f"none: the {paper.what}'s state says whether it happened",
        calls=tuple(Call(name, states) for name, states in paper.cancel.items()),
    )
