"""``make run ONCE=1`` as a newcomer meets it: exit 0, documents the ERP itself counts, a report that opens."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """The demo in a copy of the workspace, as the command runs it."""
    folder = tmp_path_factory.mktemp("demo")
    for name in ("mappings", "schemas"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("hub.yaml", "people.yaml"):
        shutil.copy(ROOT / name, folder / name)
    done = subprocess.run(
        [sys.executable, "-m", "hub.cli", "run", "--demo", "--once"],
        cwd=folder, capture_output=True, text=True, timeout=120, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return done, folder


def test_it_succeeds_and_complains_about_nothing(demo):
    done, _ = demo

    assert (done.returncode, done.stderr) == (0, "")


def test_every_closed_project_is_told_with_documents_that_were_read_back(demo):
    printed = demo[0].stdout
    lines = re.findall(r"^  (\S+\.\S+) +(\S+) +([\d,.]+ CNY)? +(.*)$", printed, re.MULTILINE)

    assert {action for action, *_ in lines} >= {
        "purchase_requisition.create",
        "reimbursement.create",
        "asset.create",
        "settlement.create",
        "issue.comment",
        "card.comment",
    }
    assert {state for *_, state in lines} == {"confirmed by reading it back"}


def test_the_erp_itself_counts_one_document_per_obligation(demo):
    printed = demo[0].stdout
    (documents, obligations) = re.search(
        r"the ERP itself counts (\d+) documents for (\d+) obligations", printed
    ).groups()
    numbers = set(re.findall(r"\b(?:PR|RB|FA|ST)-\d{4}-\d{4}\b", printed))

    assert int(documents) == int(obligations) == len(numbers) > 0


def test_every_record_is_accounted_for(demo):
    printed = demo[0].stdout
    received, parts = re.search(r"^received (\d+) = (.*)$", printed, re.MULTILINE).groups()

    assert "unaccounted 0" in printed
    assert sum(int(n) for n in re.findall(r"\d+", parts)) == int(received)


def test_what_needs_approval_is_approved_where_one_can_see_it(demo):
    printed = demo[0].stdout

    assert "finance is asked about OPS-41: purchase, 55,600.00 CNY" in printed
    assert re.search(r"\$ hub loop approve close-out-[0-9a-f]{10}/purchase --as E\d{4} --why '.+'", printed)


def test_history_and_what_is_missing_are_said_too(demo):
    printed = demo[0].stdout

    assert "OPS-80: close-out closed before the hub started here: history, nothing done" in printed
    assert "OPS-95: close-out blocked: cost centre missing" in printed


def test_the_report_is_one_file_that_names_the_documents(demo):
    page = (demo[1] / ".hub" / "demo" / "health.html").read_text("utf-8")

    assert "PR-2026-0001".replace("2026", re.search(r"PR-(\d{4})-", demo[0].stdout).group(1)) in page
    assert "<script" not in page
