"""Work that one process at a time does, wherever it runs: a named lease that is renewed, and a token that fences.

The token grows each time a lease changes hands. Whoever writes under a lease asks ``holds`` inside that write: what a
process still believes after a long pause counts for nothing. Time is the database's clock alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.model.clock import Micros
from hub.store.port import Store, Transaction
from hub.store.sql import Sql

_SQLITE = "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"
_POSTGRES = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


def _timed(statement: str) -> Sql:
    return Sql(statement.replace("NOW", _SQLITE), statement.replace("NOW", _POSTGRES))


ACQUIRE = _timed(
    "INSERT INTO lease (name, holder, token, until) VALUES (?, ?, 1, NOW + ?)"
    " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, token = lease.token + 1, until = excluded.until"
    " WHERE lease.until < NOW RETURNING token"
)
RENEW = _timed("UPDATE lease SET until = NOW + ? WHERE name = ? AND token = ?")
RELEASE = "UPDATE lease SET until = 0 WHERE name = ? AND token = ?"
HOLDS = Sql(
    "SELECT 1 FROM lease WHERE name = ? AND token = ?", "SELECT 1 FROM lease WHERE name = ? AND token = ? FOR SHARE"
)
LIVE = _timed("SELECT name, holder, token, until FROM lease WHERE until >= NOW ORDER BY name")


@dataclass(frozen=True, slots=True)
class Lease:
    """``until``: when it runs out, by the database's clock."""

    name: str
    holder: str
    token: int
    until: Micros


def acquire(store: Store, name: str, holder: str, ttl: Micros) -> int | None:
    """Take a lease nobody holds now; gives its token, None while somebody (``holder`` itself too) has it."""
    row = store.write_now(lambda transaction: transaction.db.execute(ACQUIRE, (name, holder, ttl)).fetchone())
    return None if row is None else int(row[0])


def renew(store: Store, name: str, token: int, ttl: Micros) -> bool:
    """Go on holding it; False when somebody else has it. One that ran out and was not taken is ours again."""
    return store.write_now(lambda transaction: transaction.db.execute(RENEW, (ttl, name, token)).rowcount) == 1


def release(store: Store, name: str, token: int) -> None:
    """Let the next one have it at once."""
    store.write_now(lambda transaction: transaction.db.execute(RELEASE, (name, token)))


def holds(transaction: Transaction, name: str, token: int) -> bool:
    """Whether the lease is still ours, and stays so until this transaction ends."""
    return transaction.db.execute(HOLDS, (name, token)).fetchone() is not None


def live(store: Store) -> list[Lease]:
    """Leases in force now."""
    with store.reader() as db:
        return [Lease(*row) for row in db.execute(LIVE)]
