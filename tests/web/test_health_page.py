"""The health report in a real browser: both languages, nothing fetched, nothing cut off, prints on paper."""

from __future__ import annotations

import base64

import pytest
from selenium.webdriver.common.by import By

from hub.health.html import as_html
from hub.health.report import assess
from tests.unit.health.facts_of_a_day import day

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(browser, page_of):
    browser.get(page_of(as_html([assess(day())], "zh", "Asia/Shanghai")))
    return browser


def visible_text(browser) -> str:
    return browser.find_element(By.TAG_NAME, "main").text


def test_one_language_is_shown_and_a_click_shows_the_other(opened):
    assert "数据一致率" in visible_text(opened)
    assert "Data consistency" not in visible_text(opened)

    opened.find_element(By.CSS_SELECTOR, "label[for=en]").click()

    assert "Data consistency" in visible_text(opened)
    assert "数据一致率" not in visible_text(opened)


def test_an_executive_sees_status_and_all_five_tiles_on_the_first_screen(opened):
    opened.execute_script("window.scrollTo(0, 0)")
    tiles = opened.find_elements(By.CSS_SELECTOR, ".tile")

    assert len(tiles) == 5
    assert all(tile.is_displayed() and tile.rect["y"] + tile.rect["height"] < 700 for tile in tiles)


def test_nothing_is_wider_than_the_page(opened):
    assert opened.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")


def test_the_page_asks_nobody_for_anything_and_complains_about_nothing(opened):
    loaded = opened.execute_script("return performance.getEntriesByType('resource').map(r => r.name)")

    assert loaded == []
    assert [entry for entry in opened.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_the_balance_bar_is_as_wide_as_what_was_received(opened):
    widths = [float(bar.get_attribute("width")) for bar in opened.find_elements(By.CSS_SELECTOR, "svg.bar rect")]

    assert sum(widths) == pytest.approx(100, abs=0.1)


def test_it_prints_on_paper(opened):
    printed = base64.b64decode(opened.print_page())

    assert printed.startswith(b"%PDF")
    assert len(printed) > 10_000


def test_only_the_pages_own_style_counts(opened):
    colour = "return getComputedStyle(document.querySelector('{}')).backgroundColor"
    before = opened.execute_script(colour.format("body"))

    opened.execute_script(
        "const sheet = document.createElement('style'); sheet.textContent = 'body { background: red !important }';"
        "document.head.append(sheet)"
    )

    assert opened.execute_script(colour.format(".pill")) != "rgba(0, 0, 0, 0)"
    assert opened.execute_script(colour.format("body")) == before != "rgb(255, 0, 0)"
