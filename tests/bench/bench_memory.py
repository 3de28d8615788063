"""Idle memory of ``hub run``: the resident set of the one process that serves, its twins not counted.

The raw limit is a Python process that has imported what the hub is built on and nothing of the hub.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from tests.bench import stage
from tests.bench.row import Row

IDLE_SECONDS = 3.0
BUILT_ON = "aiohttp, sqlalchemy, orjson, jiter, jsonschema_rs, pydantic, structlog, yaml"


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with stage.erp(folder) as erp, stage.hub(folder, erp) as url:
            urllib.request.urlopen(f"{url}/health").close()
            time.sleep(IDLE_SECONDS)
            ours = resident_mib(int(str(stage.read_note(folder)["pid"])))
    limit = _libraries(), "the libraries alone"
    return [Row("memory", "idle memory of hub run", ours, "MiB", *limit, 120)]


def resident_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def _libraries() -> float:
    code = f"import {BUILT_ON}; print(open('/proc/self/status').read())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return next(int(line.split()[1]) for line in said.splitlines() if line.startswith("VmRSS:")) / 1024
