"""What one system's word on a field means, case by case."""

from __future__ import annotations

from hub.model.twoway import Word, agree, alike, confirmed, hear, sent

OLD = agree(Word(value="One", at=10, spoke=True, holds="One"), "One")
"""It said "One" at version 10, and the hub holds the same."""


def test_a_confirmed_write_is_the_new_base_so_that_the_next_change_is_no_conflict() -> None:
    word = confirmed(sent(OLD, "e1", "Two"), "e1", "Two", None)
    assert (word.holds, word.base) == ("Two", "Two")
    assert hear(word, "Three", 20, "Two")[1] == "changed"
    assert hear(sent(OLD, "e1", "Two"), "Three", 20, "Two")[1] == "conflict"


def test_an_echo_is_known_by_its_value_also_after_the_hub_has_moved_on() -> None:
    word, heard = hear(confirmed(sent(OLD, "e1", "Two"), "e1", "Two", None), "Two", 15, "Three")
    assert (heard, word.ours) == ("echo", ())


def test_its_own_old_word_after_our_write_is_no_news_unless_its_version_is_newer_than_our_write() -> None:
    assert hear(confirmed(sent(OLD, "e1", "Two"), "e1", "Two", 15), "One", 14, "Two")[1] == "same"
    assert hear(confirmed(sent(OLD, "e1", "Two"), "e1", "Two", 15), "One", 16, "Two")[1] == "changed"


def test_a_late_echo_tells_that_the_old_value_was_put_back_since() -> None:
    word, heard = hear(sent(OLD, "e1", "Two"), "One", 20, "Two")
    assert heard == "same"
    word, heard = hear(word, "Two", 15, "Two")
    assert (word.value, word.holds, heard) == ("One", "One", "conflict")


def test_a_change_that_our_write_overtook_is_a_conflict_and_the_object_holds_our_value() -> None:
    word, heard = hear(confirmed(sent(OLD, "e1", "Two"), "e1", "Two", 15), "Other", 12, "Two")
    assert (heard, word.value, word.holds) == ("conflict", "Other", "Two")


def test_nothing_is_nothing_and_text_counts_trimmed() -> None:
    assert alike(None, "")
    assert alike(" A ", "A")
    assert not alike("1", 1)
    assert not alike(None, "0")
