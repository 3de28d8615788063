"""``make up``: the whole set as processes of this machine; it works, and leaves nothing behind however it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.cluster.child import Child

pytestmark = pytest.mark.real_server
ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "tests.cluster.up", "--port", "0"]
SECONDS = 180.0


def test_the_samples_go_through_kafka_two_workers_and_postgresql_to_one_document_each() -> None:
    done = subprocess.run(
        [*COMMAND, "--once"], capture_output=True, text=True, cwd=ROOT, timeout=2 * SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counted = re.search(r"the ERP itself counts (\d+) documents for (\d+) obligations", done.stdout)
    assert counted
    assert counted[1] == counted[2] != "0"
    assert "0 in_flight; 0 unaccounted" in done.stdout


@pytest.mark.parametrize("end", ["Ctrl-C", "its parent ends"])
def test_nothing_is_left_behind(tmp_path: Path, end: str) -> None:
    """Its parent is a shell, as ``make`` is."""
    shell = Child(
        ["sh", "-c", '"$@" & echo $! > pid; wait', "sh", *COMMAND], tmp_path / "log", cwd=tmp_path, env=environment()
    )
    up = None
    try:
        until(lambda: "Ctrl-C ends it." in shell.last_words(5000), shell)
        up = psutil.Process(int((tmp_path / "pid").read_text()))
        family = [up, *up.children(recursive=True)]
        assert len(family) >= 6  # Kafka, PostgreSQL, an intake, two workers
        shell.kill() if end == "its parent ends" else up.send_signal(signal.SIGINT)
        _, living = psutil.wait_procs(family, timeout=60)
        assert living == []
    finally:
        if up is not None and up.is_running():
            up.kill()
        shell.kill()


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}


def until(true: Callable[[], bool], shell: Child) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert shell.alive, shell.last_words()
        assert time.monotonic() < deadline, shell.last_words()
        time.sleep(0.1)
