"""What every test may ask for: real servers, and a loud word at the end about those that could not be had."""

from __future__ import annotations

import pytest

from tests.cluster.fixtures import LOUD, database, kafka, postgres, servers_folder, topic_prefix

__all__ = ["database", "kafka", "postgres", "servers_folder", "topic_prefix"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was not tested, once, in red: a skipped server must not look like a passed one."""
    reasons = {
        report.longrepr[2] for report in terminalreporter.getreports("skipped") if LOUD in str(report.longrepr)
    }
    for reason in sorted(reasons):
        terminalreporter.write_line(reason.removeprefix("Skipped: "), red=True, bold=True)
