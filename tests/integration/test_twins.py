"""Built-in twins as child processes: they start, keep their address, and never outlive the host."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import orjson
import pytest

from hub.errors import RetryableError
from hub.intake import twins
from hub.intake.twins import Twin, start_twins, stop_twins


def is_running(pid: int) -> bool:
    """Alive and no zombie that only waits to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ends(pid: int, seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not is_running(pid):
            return True
    return not is_running(pid)


def test_a_twin_listens_when_it_is_started_and_keeps_its_address(tmp_path: Path) -> None:
    (first,) = start_twins({"erp": "erp"}, tmp_path)
    with urlopen(first.url + "/api/_counts", timeout=5) as answer:
        assert answer.status == 200
    stop_twins([first])
    (second,) = start_twins({"erp": "erp"}, tmp_path)
    stop_twins([second])
    assert second.url == first.url


def test_all_twins_end_within_two_seconds_and_none_is_left(tmp_path: Path) -> None:
    running = start_twins({"erp": "erp", "jira": "jira", "trello": "trello"}, tmp_path)
    started = time.monotonic()
    stop_twins(running)
    assert time.monotonic() - started < twins.STOP_SECONDS + 1
    assert all(twin.process.returncode is not None for twin in running)


def test_a_twin_that_does_not_listen_to_reason_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twins, "STOP_SECONDS", 0.2)
    stubborn = "from signal import *; signal(SIGTERM, SIG_IGN); print('deaf', flush=True); pause()"
    process = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    stop_twins([Twin("erp", tmp_path, process)])
    process.stdout.close()
    assert process.returncode == -signal.SIGKILL


def test_a_twin_whose_port_is_taken_listens_at_another(tmp_path: Path) -> None:
    (first,) = start_twins({"erp": "erp"}, tmp_path / "one")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "erp.json").write_bytes(orjson.dumps({"url": first.url}))
    (second,) = start_twins({"erp": "erp"}, tmp_path / "two")
    stop_twins([first, second])
    assert first.url != second.url


def test_a_twin_that_cannot_start_is_explained_and_the_others_are_stopped(tmp_path: Path) -> None:
    with pytest.raises(RetryableError, match="twin of other"):
        start_twins({"erp": "erp", "other": "nothing_of_that_name"}, tmp_path)
    pid = int(orjson.loads((tmp_path / "erp.json").read_bytes())["pid"])
    assert ends(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is Linux's")
def test_a_twin_dies_with_a_host_that_was_killed(tmp_path: Path) -> None:
    host = (
        "import sys, time; from pathlib import Path; from hub.intake.twins import start_twins;"
        "(twin,) = start_twins({'erp': 'erp'}, Path(sys.argv[1]));"
        "print(twin.process.pid, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", host, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    twin = int(process.stdout.readline())
    assert is_running(twin)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert ends(twin)
