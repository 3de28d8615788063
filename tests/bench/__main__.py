"""``make bench``: every budget of design §10 that exists so far, each beside its raw limit or a peer in one run.

``--only NAME`` runs some,
``--json FILE`` keeps the figures. A missed budget does not fail the command: docs/performance.md says why.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tests.bench.row import machine, report, table
from tests.bench.suite import BENCHES, run


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", choices=BENCHES, action="append", help="run this one (may be repeated)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    given = parser.parse_args()
    about = machine()
    print(
        f"{about['date']}, {about['cpu']}, {about['cpus']} CPUs, Python {about['python']}, load {about['load']}",
        flush=True,
    )
    found = run(given.only or BENCHES)
    print(table(found))
    if given.json:
        given.json.write_text(json.dumps(report(found), indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
