"""Which mapping version went live when, by whom: the ``mapping`` table, append-only, with each version's YAML.

Work already decided keeps its version (I10), so the text of every version that was ever active stays here.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.model.clock import Micros
from hub.store import tables
from hub.store.port import Store, Transaction
from hub.store.statements import insert
from hub.store.transaction import LATEST, execute

NEWEST = (
    "SELECT integration, logic, table_hash, source, activated_at, activated_by FROM mapping WHERE integration = ?"
)

SINCE = (
    "SELECT integration, logic, table_hash, source, activated_at, activated_by FROM mapping WHERE id > ? ORDER BY id"
)


@dataclass(frozen=True, slots=True)
class Activation:
    integration: str
    logic: str
    table: str
    source: str
    at: Micros
    by: str


def record(store: Store, activation: Activation) -> None:
    """Append one."""
    a = activation
    row = (a.integration, a.logic, a.table, a.source, a.at, a.by)

    def work(transaction: Transaction) -> None:
        transaction.activates()
        execute(transaction, insert(tables.mapping), row)

    store.write_now(work)


def newest(store: Store, integration: str) -> Activation | None:
    """The version that is live, None before the first activation."""
    return _one(store, f"{NEWEST} ORDER BY id DESC LIMIT 1", (integration,))


def names(store: Store) -> list[str]:
    """Every integration that was ever live, sorted."""
    with store.reader() as db:
        return [str(row[0]) for row in db.execute("SELECT DISTINCT integration FROM mapping ORDER BY integration")]


def first(store: Store, integration: str) -> Activation | None:
    """The first activation ever: what a loop without ``starts.at`` starts from."""
    return _one(store, f"{NEWEST} ORDER BY id LIMIT 1", (integration,))


def latest(store: Store) -> int:
    """The number of the newest activation of all, 0 before the first."""
    with store.reader() as db:
        return int(db.execute(LATEST).fetchone()[0])


def since(store: Store, number: int) -> list[Activation]:
    """Every activation after that number, oldest first."""
    with store.reader() as db:
        return [Activation(*row) for row in db.execute(SINCE, (number,))]


def of_logic(store: Store, integration: str, logic: str) -> Activation | None:
    """The version recorded under that logic hash."""
    return _one(store, f"{NEWEST} AND logic = ? ORDER BY id DESC LIMIT 1", (integration, logic))


def _one(store: Store, statement: str, values: tuple[str, ...]) -> Activation | None:
    with store.reader() as db:
        row = db.execute(statement, values).fetchone()
    return None if row is None else Activation(*row)
