"""A made-up day of one integration, as the report would be given it."""

from decimal import Decimal

from hub.health.facts import Balance, DocumentFact, IntegrationFacts, LoopFact, QuarantineFact, SourceFact
from hub.model.clock import SECOND
from hub.model.effect import EffectState
from hub.model.instance import LoopState, Waiting
from hub.model.values import Money

NOW = 1_790_000_000 * SECOND
HOUR = 3600 * SECOND
TITLES = {"PR": {"zh": "采购申请", "en": "Purchase requisition"}, "RB": {"zh": "报销单", "en": "Reimbursement"}}


def document(number: str, amount: str, **changes) -> DocumentFact:
    values = {
        "reference": number, "loop": "close-out-1", "step": "purchase", "subject": "OPS-41", "connection": "erp",
        "action": "purchase_requisition.create", "title": TITLES[number[:2]], "weight": "money",
        "state": EffectState.CONFIRMED, "number": number, "url": "", "amount": Money(Decimal(amount), "CNY"),
        "asked_at": NOW - HOUR, "planned_at": NOW - HOUR, "settled_at": NOW - HOUR + 4 * SECOND,
    }  # fmt: skip
    return DocumentFact(**{**values, **changes})


def loop(label: str, state: LoopState = LoopState.DONE, **changes) -> LoopFact:
    values = {
        "id": f"close-out-{label}", "loop": "close-out", "subject": f"jira:{label}", "label": label, "state": state,
        "started_at": NOW - HOUR, "finished_at": NOW - HOUR + 9 * SECOND if state is LoopState.DONE else None,
        "touched": False, "open_obligations": 0, "waiting": (), "steps": {"purchase": "done", "reimburse": "done"},
    }  # fmt: skip
    return LoopFact(**{**values, **changes})


def quarantined(**changes) -> QuarantineFact:
    values = {
        "reason": "unknown-value", "row": "expense.status", "owner": "finance", "since": NOW - HOUR,
        "closed_at": None,
        "message": '"In Review" is not one of To Do, Approved, 已批准', "record": "OPS-57",
    }  # fmt: skip
    return QuarantineFact(**{**values, **changes})


def day(**changes) -> IntegrationFacts:
    waiting = Waiting("missing", "OPS-44", NOW - HOUR, "pmo", "缺少成本中心 / cost centre missing")
    values = {
        "name": "rd-close", "title": {"zh": "研发项目 → 采购与财务", "en": "R&D projects to purchasing and finance"},
        "owner": "ops@example.com", "logic": "ab" * 32, "activated_at": NOW - 5 * HOUR, "now": NOW,
        "window": 28 * 24 * HOUR,
        "balance": Balance(47, 30, 6, 2, {"no-table": 4, "worklog-event": 1}, 0, {"unknown-value": 3}, 1, 0),
        "documents": (document("PR-2026-0001", "68400.00"), document("RB-2026-0001", "1250.50")),
        "loops": (
            loop("OPS-41"), loop("OPS-42"),
            loop("OPS-44", LoopState.BLOCKED, open_obligations=4, waiting=(waiting,), steps={"purchase": "waiting"}),
            loop("OPS-7", LoopState.HISTORY),
        ),
        "quarantine": (quarantined(),),
        "sources": (SourceFact("jira", NOW - 20 * SECOND, NOW - 12 * SECOND, None, True),),
        "slo_fresh": 300 * SECOND, "slo_consistent": 0.999, "slo_done_within": 4 * HOUR, "slo_done_share": 0.99,
        "hourly": tuple((NOW - (9 - i) * HOUR, n, n // 4) for i, n in enumerate([3, 5, 4, 9, 7, 2, 6, 11, 8, 4])),
    }  # fmt: skip
    return IntegrationFacts(**{**values, **changes})
