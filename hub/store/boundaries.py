"""The crash boundaries around a commit, by what it carries (docs/reliability.md)."""

from __future__ import annotations

from collections.abc import Collection

from hub.model.boundary import boundary
from hub.model.effect import EffectState

OUTCOMES = frozenset({EffectState.SENT, EffectState.UNKNOWN, EffectState.REJECTED})


def before_commit(wrote: Collection[EffectState], appended: bool) -> None:
    if appended:
        boundary("B3")
    if wrote:
        if EffectState.PLANNED in wrote:
            boundary("B9")
        if not OUTCOMES.isdisjoint(wrote):
            boundary("B14")


def after_commit(wrote: Collection[EffectState], appended: bool) -> None:
    if appended:
        boundary("B4")
    if wrote:
        if EffectState.PLANNED in wrote:
            boundary("B10")
        if EffectState.SENDING in wrote:
            boundary("B11")
