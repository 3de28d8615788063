"""aiokafka, members coming and going: what the pump's listener may count on."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import TopicPartition

from tests.contract.kafka.stage import Diary, fill, make_topic, member, read_to, until

pytestmark = pytest.mark.real_server


async def test_the_old_owner_is_done_before_the_new_owner_is_told(kafka: str, topic_prefix: str) -> None:
    """Two-phase: no partition is assigned to anybody while a listener still works on its revocation."""
    topic, group, pages = f"{topic_prefix}.t", f"{topic_prefix}.g", []
    make_topic(kafka, topic, partitions=2)
    one, two = Diary("one", pages), Diary("two", pages)

    async def finish_the_batch() -> None:
        await asyncio.sleep(0.5)

    async with member(kafka, group, topic, one):
        await until(lambda: one.assigned == {0, 1})
        one.on_revoked = finish_the_batch
        async with member(kafka, group, topic, two):
            await until(lambda: len(two.assigned) == 1 and len(one.assigned) == 1)
            assert one.assigned | two.assigned == {0, 1}
    first = pages.index(("one", "revoked", frozenset({0, 1})))
    left = pages.index(("one", "left", frozenset({0, 1})))
    told = next(i for i, (who, what, parts) in enumerate(pages) if who == "two" and what == "assigned" and parts)
    again = next(i for i, (who, what, _) in enumerate(pages) if i > left and (who, what) == ("one", "assigned"))
    assert first < left < min(told, again)


async def test_a_member_that_stops_hands_its_partitions_to_the_rest(kafka: str, topic_prefix: str) -> None:
    """``stop`` leaves the group at once, without telling the leaver's own listener."""
    topic, group, pages = f"{topic_prefix}.t", f"{topic_prefix}.g", []
    make_topic(kafka, topic, partitions=2)
    one, two = Diary("one", pages), Diary("two", pages)
    async with member(kafka, group, topic, one):
        async with member(kafka, group, topic, two):
            await until(lambda: len(two.assigned) == 1 and len(one.assigned) == 1)
            told = [page for page in pages if page[:2] == ("two", "revoked")]
        await until(lambda: one.assigned == {0, 1})
        assert [page for page in pages if page[:2] == ("two", "revoked")] == told


async def test_reading_starts_where_the_listener_seeks_whatever_was_committed(kafka: str, topic_prefix: str) -> None:
    topic, group = f"{topic_prefix}.t", f"{topic_prefix}.g"
    make_topic(kafka, topic)
    partition = TopicPartition(topic, 0)
    await fill(kafka, partition, [b"%d" % i for i in range(20)])
    async with member(kafka, group, topic, Diary("first", [], wanted=20)) as consumer:
        await consumer.commit({partition: 20})
    async with member(kafka, group, topic, Diary("second", [], wanted=7)) as consumer:
        assert await consumer.committed(partition) == 20
        assert [record.offset for record in await read_to(consumer, partition, 20)] == list(range(7, 20))


async def test_records_of_a_partition_taken_away_are_not_handed_out(kafka: str, topic_prefix: str) -> None:
    """Records fetched before a rebalance do not come after it: each value is read from the listener's position on."""
    topic, group, pages = f"{topic_prefix}.t", f"{topic_prefix}.g", []
    make_topic(kafka, topic, partitions=2)
    for number in (0, 1):
        await fill(kafka, TopicPartition(topic, number), [b"%d" % i for i in range(50)])
    one, two = Diary("one", pages), Diary("two", pages)
    async with member(kafka, group, topic, one) as consumer:
        await until(lambda: one.assigned == {0, 1})
        assert await consumer.getmany(timeout_ms=5000, max_records=1)  # the rest is in the consumer's buffer
        async with member(kafka, group, topic, two):
            await until(lambda: len(two.assigned) == 1 and len(one.assigned) == 1)
            (kept,) = one.assigned
            got = {}
            while sum(map(len, got.values())) < 50:
                for where, records in (await consumer.getmany(timeout_ms=500)).items():
                    got.setdefault(where.partition, []).extend(record.offset for record in records)
    assert got == {kept: list(range(50))}


@pytest.mark.parametrize("name", ["static", "dynamic"])
async def test_a_restart_moves_nothing_where_the_member_has_a_fixed_name(
    kafka: str, topic_prefix: str, name: str
) -> None:
    """Rolling restarts: with ``group_instance_id`` the others notice nothing; without it (the control) they do."""
    topic, group, pages = f"{topic_prefix}.t", f"{topic_prefix}.g", []
    make_topic(kafka, topic, partitions=2)

    def slot(number: int) -> dict[str, str]:
        return {"group_instance_id": f"slot-{number}"} if name == "static" else {}

    stays, goes = Diary("stays", pages), Diary("goes", pages)
    async with member(kafka, group, topic, stays, **slot(1)):
        async with member(kafka, group, topic, goes, **slot(2)):
            await until(lambda: len(stays.assigned) == 1 and len(goes.assigned) == 1)
            had, told = goes.assigned, len([page for page in pages if page[0] == "stays"])
        back = Diary("back", pages)
        async with member(kafka, group, topic, back, **slot(2)):
            await until(lambda: len(back.assigned) == 1)
            await asyncio.sleep(1.5)  # three heartbeats: long enough to be told of a rebalance
            noticed = len([page for page in pages if page[0] == "stays"]) > told
    assert (back.assigned == had, noticed) == (True, False) if name == "static" else noticed
