"""The report never flatters: missing is grey, small samples are wide, one lost record is an alarm."""

from dataclasses import replace

import orjson
import pytest

from hub.health.html import as_html, asks, balance_bar
from hub.health.measures import measure, wilson
from hub.health.report import as_json, assess
from hub.health.text import as_text
from hub.health.words import MEASURES, REASONS, REPORT, STATES, STATUS, WAITING
from hub.model.effect import EffectState
from hub.model.instance import LoopState, Waiting
from tests.unit.health.facts_of_a_day import HOUR, NOW, day, document, loop, quarantined


def status(**changes) -> str:
    return assess(day(**changes)).status.name


def test_a_day_within_every_target_is_healthy():
    assert status() == "healthy"


def test_one_unaccounted_record_requires_action_whatever_else_is_green():
    assert status(balance=replace(day().balance, unaccounted=1)) == "action_required"


def test_a_write_unknown_for_sixteen_minutes_requires_action_and_for_five_does_not():
    def unknown(minutes: int):
        since = NOW - minutes * HOUR // 60
        return (document("PR-2026-0009", "1.00", state=EffectState.UNKNOWN, settled_at=None, unknown_since=since),)

    assert status(documents=unknown(16)) == "action_required"
    assert measure(day(documents=unknown(5)))["unknown_effects"].good is True


def test_a_refused_credential_requires_action():
    source = replace(day().sources[0], paused_since=NOW - HOUR)

    assert status(sources=(source,)) == "action_required"


def test_a_document_that_reads_back_different_degrades():
    documents = (*day().documents, document("PR-2026-0003", "1.00", state=EffectState.MISMATCH))

    assert status(documents=documents) == "degraded"


def test_quarantine_older_than_a_day_degrades():
    assert status(quarantine=(quarantined(since=NOW - 25 * HOUR),)) == "degraded"


def test_a_source_silent_beyond_twice_its_interval_fails_only_when_polling_proves_it():
    polled = replace(day().sources[0], newest_delivery=NOW - HOUR, newest_poll=NOW - HOUR)
    hooked = replace(polled, newest_poll=None)

    assert status(sources=(polled,)) == "failing"
    assert status(sources=(hooked,)) == "unknown"


def test_nothing_measured_is_never_zero_and_never_green():
    measures = measure(day(documents=(), loops=(), slo_done_within=None))

    for name in ("consistency", "on_time", "satisfaction", "roi"):
        assert measures[name].value is None
        assert measures[name].good is None


def test_amounts_add_up_per_currency_to_the_cent():
    found = measure(day())["documents"]

    assert {c: str(a) for c, a in found.amounts.items()} == {"CNY": "69650.50"}


def test_comments_are_read_back_but_are_not_business_documents():
    note = document("RB-2026-0002", "1.00", weight="note")

    assert measure(day(documents=(note,)))["documents"].value == 0
    assert measure(day(documents=(note,)))["consistency"].n == 1


def test_open_closings_still_in_time_do_not_count_and_overdue_ones_are_misses():
    fresh = loop("OPS-50", LoopState.RUNNING)
    overdue = loop("OPS-51", LoopState.RUNNING, started_at=NOW - 5 * HOUR)

    assert measure(day(loops=(loop("OPS-41"), fresh)))["on_time"].value == 1
    assert measure(day(loops=(loop("OPS-41"), overdue)))["on_time"].value == 0.5


def test_a_mended_closing_is_not_automatic():
    loops = (loop("OPS-41"), loop("OPS-42", touched=True))

    assert measure(day(loops=loops, quarantine=()))["automation"].value == 0.5


def test_waiting_for_an_approval_by_policy_is_not_a_repair():
    asking = loop("OPS-43", LoopState.NEEDS_PERSON, waiting=(Waiting("approval", "close-out-1", NOW, "finance"),))
    broken = loop("OPS-44", LoopState.NEEDS_PERSON, waiting=(Waiting("rejected", "close-out-2", NOW, "ops"),))

    assert measure(day(loops=(loop("OPS-41"), asking), quarantine=()))["automation"].value == 1
    assert measure(day(loops=(loop("OPS-41"), broken), quarantine=()))["automation"].value == 0.5


@pytest.mark.parametrize(("hits", "n", "low"), [(2995, 2995, 0.9987), (10, 10, 0.7225), (0, 5, 0.0)])
def test_wilson_intervals_are_the_published_ones(hits, n, low):
    assert wilson(hits, n)[0] == pytest.approx(low, abs=2e-4)


def test_the_bar_is_as_wide_as_what_was_received():
    bars = balance_bar(assess(day()))

    assert sum(n for _, n, _, _ in bars) == day().balance.received
    assert sum(width for *_, width in bars) == pytest.approx(100)


def test_every_person_waited_for_is_named():
    assert {(ask.ref, ask.who) for ask in asks(assess(day()))} == {("OPS-44", "pmo"), ("OPS-57", "finance")}


def test_the_machine_contract_holds():
    (found,) = orjson.loads(orjson.dumps(as_json([assess(day())])))["integrations"]

    assert {"name", "status", "since", "measures"} <= found.keys()
    for figure in found["measures"].values():
        assert {"value", "n", "window", "low", "high", "target", "formula"} <= figure.keys()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_text_names_status_tiles_and_balance(language):
    text = as_text(assess(day()), language, "Asia/Shanghai")

    assert "PR-2026-0001" in text
    assert f"{REPORT['unaccounted'][language]} 0" in text
    assert STATUS["healthy"][language].upper() in text


def test_html_is_one_file_without_script_or_request_and_escapes_what_it_shows():
    facts = day(quarantine=(quarantined(message="<script>alert(1)</script>"),))
    page = as_html([assess(facts)], "zh", "Asia/Shanghai")

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http://" not in page
    assert "https://" not in page


def test_every_word_exists_in_both_languages():
    texts = [*STATUS.values(), *STATES.values(), *REASONS.values(), *WAITING.values(), *REPORT.values()]
    texts += [t for words in MEASURES.values() for t in (words.title, words.meaning, words.formula)]

    assert all(texts_of.keys() == {"zh", "en"} for texts_of in texts)


def test_an_unmet_requirement_is_told_in_the_language_of_the_reader():
    waiting = Waiting("missing", "OPS-44", NOW - HOUR, "pmo", "cost centre {missing}")
    said = {"cost centre {missing}": {"en": "cost centre {missing}", "zh": "缺少成本中心"}}
    health = assess(day(loops=(loop("OPS-44", LoopState.BLOCKED, waiting=(waiting,)),), said=said, quarantine=()))
    assert "— 缺少成本中心" in as_text(health, "zh", "UTC")
    assert "— cost centre {missing}" in as_text(health, "en", "UTC")
    page = as_html([health], "zh", "UTC")
    assert '<span lang="zh">缺少成本中心</span><span lang="en">cost centre {missing}</span>' in page
