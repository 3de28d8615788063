"""The hostile profiles we ship: one for each system we have a connector to. Data only.

Real servers play them (``hub twin serve --profile NAME``): they commit late by at most a second, so a connection to
one is given ``quiesce: 2s``. Later than that belongs to simulated time.
"""

from __future__ import annotations

from collections.abc import Mapping

from hub.sim.profile import Behaviour, Profile

QUICK = ("0", "1", "-5", "soon", "Thu, 01 Jan 1970 00:00:00 GMT")
"""None of them asks for an hour, as simulated targets do: a real process cannot skip it."""


def _answers(times: int = 1) -> tuple[Behaviour, ...]:
    """What goes wrong between a target that did its work and us."""
    return (
        Behaviour("drop-answer", "write", 90, times=times),
        Behaviour("late", "write", 90, 1000, times=times),
        Behaviour("500-done", "write", 60, times=times),
        Behaviour("503-done", "write", 40, words=QUICK, times=times),
        Behaviour("html", "write", 40, times=times),
        Behaviour("truncated", "write", 40, times=times),
        Behaviour("no-id", "write", 40, times=times),
        Behaviour("error-inside", "write", 40, times=times),
        Behaviour("endless", "write", 10, times=times),
        Behaviour("never-arrives", "write", 40, times=times),
        Behaviour("500", "write", 30, times=times),
        Behaviour("429", "write", 60, words=QUICK, times=times),
        Behaviour("storm", "write", 20, 6, words=QUICK, times=times),
        Behaviour("slow", "write", 100, 800),
    )


def _reads() -> tuple[Behaviour, ...]:
    return (
        Behaviour("500", "read", 30, times=2),
        Behaviour("html", "read", 20, times=2),
        Behaviour("truncated", "read", 20, times=2),
        Behaviour("429", "read", 30, words=QUICK, times=2),
        Behaviour("drop-answer", "read", 30, times=2),
        Behaviour("wrong-id", "read", 20, times=1),
        Behaviour("slow", "read", 60, 500),
        Behaviour("storm", "read", 10, 6, words=QUICK, times=1),
    )


def _webhooks() -> tuple[Behaviour, ...]:
    return (
        Behaviour("twice", "webhook", 150),
        Behaviour("delayed", "webhook", 150, 900),
        Behaviour("lost", "webhook", 60),
        Behaviour("drift", "page", 300),
        Behaviour("500", "page", 60, times=2),
        Behaviour("401", "page", 20, times=1),
        Behaviour("403", "page", 20, times=1),
        Behaviour("unlisted", "page", measure=700),
    )


PROFILES: Mapping[str, Profile] = {
    one.name: one
    for one in (
        Profile(
            "erp-hostile",
            "erp",
            {"en": "an ERP with idempotency keys it forgets, a search that lags and answers that get lost",
             "zh": "会忘记幂等键、查询滞后、回执丢失的 ERP"},
            (*_answers(), *_reads(), Behaviour("lag", "search", measure=700),
             Behaviour("forgets-keys", "every", measure=1500), Behaviour("clock", "every", measure=90_000)),
        ),
        Profile(
            "tryton-hostile",
            "tryton",
            {"en": "a Tryton that commits after hanging up, presses buttons unasked twice and finds things late",
             "zh": "断开后才提交、查询滞后的 Tryton"},
            (*_answers(), *_reads(), Behaviour("lag", "search", measure=700),
             Behaviour("drift", "page", 200), Behaviour("clock", "every", measure=60_000)),
        ),
        Profile(
            "jira-hostile",
            "jira",
            {"en": "a Jira whose webhooks come twice, late or never, and whose comments are slow to be listed",
             "zh": "webhook 重复、乱序、丢失，评论列表滞后的 Jira"},
            (*_answers(), *_reads(), *_webhooks(), Behaviour("lag", "search", measure=700),
             Behaviour("clock", "every", measure=60_000)),
        ),
        Profile(
            "trello-hostile",
            "trello",
            {"en": "a Trello that throttles without saying for how long, and whose actions come out of order",
             "zh": "限流不给时长、动作乱序的 Trello"},
            (*_answers(), *_reads(), *_webhooks(), Behaviour("lag", "search", measure=700)),
        ),
    )
}  # fmt: skip
