"""``hub preflight --backtest SINCE``: every closing since then predicted from the state before it, and compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.history.backtest import Became
    from hub.mapping.catalog import Catalog


def backtest(opened: Workspace, since: int, only: str) -> dict[str, Any]:
    """The report as JSON."""
    return compared(opened.store, opened.catalog, since, only)


def compared(store: Any, catalog: Catalog, since: int, only: str = "") -> dict[str, Any]:
    from hub.history.asof import AsOf
    from hub.history.backtest import Backtest, Started
    from hub.history.backtest_report import report
    from hub.store.queries import closings

    with store.read() as db:
        begun = list(closings.began(db, since, only))
        places = [0 if _clocked(db, catalog, one.loop) else closings.closing_event(db, one) for one in begun]
        started = [
            Started(one.loop, one.kind, one.subject, one.position, place, one.recorded)
            for one, place in zip(begun, places, strict=True)
        ]
        past = AsOf(catalog, closings.links(db), closings.quarantined(db))
        runs = Backtest(catalog, past, started, lambda loop: _became(db, loop))
        return report(runs.run(closings.stored(db)))


def _clocked(db: Any, catalog: Catalog, name: str) -> bool:
    """Whether a clock started it: no event of its subject did, so the state is the one at its start."""
    from hub.history.rehearsal import starts_by
    from hub.store.queries import loops

    one = loops.instance(db, name)
    loop = None if one is None else catalog.loop(one.integration, one.loop, one.logic)
    return loop is not None and starts_by(loop) == "clock"


def _became(db: Any, loop: str) -> Became:
    from hub.history.backtest import Became
    from hub.store.queries import loops

    instance = loops.instance(db, loop)
    assert instance is not None, f"{loop} has events and no row"
    effects = tuple(loops.effects(db, loop_id=loop))
    return Became(instance, effects, tuple(loops.approvals(db, loop_id=loop)))
