"""``make bench-cluster``: Kafka → engine → PostgreSQL and intake → Kafka, each beside a raw limit of the same run.

``--only NAME`` runs one, ``--records N`` another size, ``--json FILE`` keeps the figures, ``--report FILE`` writes
the page. A missed budget does not fail the command: it is printed as ``MISSED``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.bench.row import Row, machine, report, table
from tests.bench_cluster import bench_intake, bench_worker
from tests.bench_cluster.servers import Servers, servers

PAGE = """\
# Performance of the cluster

Written by `make bench-cluster`. {cpu}, {cpus} CPUs shared by broker, database, workers and load; Python {python};
{date}; load average {load} when it began. How to read the columns: [performance.md](performance.md).

```
{table}
```

{records} deliveries of 2.5 KB (Jira issue events) through a table of 30 rows, 8 partitions, one broker, one copy of
each record, PostgreSQL {postgres} with `fsync`, `full_page_writes` and `synchronous_commit` on. The raw limit reads
the same records and writes key and body with a checkpoint, one transaction a partition batch as ours, and thinks
nothing. CPU figures are µs a record over all threads of a process and its children.
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench_cluster", description=__doc__)
    parser.add_argument("--only", choices=("worker", "intake"), help="run this one")
    parser.add_argument("--records", type=int, default=bench_worker.RECORDS)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--report", type=Path, help="write the page to this file")
    given = parser.parse_args()
    about = machine()
    print(f"{about['date']}, {about['cpu']}, {about['cpus']} CPUs, load {about['load']}", flush=True)
    benches: Mapping[str, Callable[[Servers], list[Row]]] = {
        "worker": lambda found: bench_worker.rows(found, given.records),
        "intake": bench_intake.rows,
    }
    rows: list[Row] = []
    for name in [given.only] if given.only else benches:
        with servers() as found:
            rows += benches[name](found)
    print(table(rows))
    if given.json:
        given.json.write_text(json.dumps(report(rows), indent=2, ensure_ascii=False) + "\n", "utf-8")
    if given.report:
        from tests.cluster.postgres import NEWEST

        text = PAGE.format(**about, table=table(rows), records=f"{given.records:,}", postgres=NEWEST)
        given.report.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
