"""TLS and SASL to a real broker, through the settings of hub.yaml: who may come in, and whom we believe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from kafka.admin import KafkaAdminClient

from hub.bootstrap_kafka import access_of
from hub.log.access import Access
from hub.settings_kafka import KafkaSettings
from tests.cluster import broker, certificates
from tests.cluster.broker import HOST, Secured, free_ports
from tests.contract.kafka.stage import make_topic

pytestmark = pytest.mark.real_server
PASSWORD = "an obviously made-up password"


@pytest.fixture(scope="module")
def secured(servers_folder: Path) -> Iterator[tuple[str, Path]]:
    """(the address with TLS and SASL, the folder with ``ca.pem``) of a broker of this module."""
    folder = servers_folder / "kafka-secured"
    _, keys = certificates.make(folder)
    way_in = Secured(free_ports(1)[0], keys, {"hub": PASSWORD})
    with broker.running(folder / "kafka", secured=way_in) as running:
        make_topic(running.bootstrap, "t")
        yield way_in.address, folder


def access(bootstrap: str, folder: Path, password: str = PASSWORD, **tls: str) -> Access:
    given = {
        "bootstrap": bootstrap,
        "tls": {"ca": "ca.pem", **tls},
        "sasl": {"username": "hub", "password": "env:HUB_KAFKA_PASSWORD"},
    }
    return access_of(KafkaSettings.model_validate(given), folder, {"HUB_KAFKA_PASSWORD": password})


async def send(who: Access) -> int:
    producer = AIOKafkaProducer(**who.arguments(), acks="all", enable_idempotence=True)
    try:
        await producer.start()
        return int((await producer.send_and_wait("t", b"over TLS", partition=0)).offset)
    finally:
        await producer.stop()


async def test_a_record_goes_in_over_tls_by_somebody_the_broker_knows(secured: tuple[str, Path]) -> None:
    address, folder = secured
    assert await send(access(address, folder)) >= 0


def test_administration_goes_the_same_way(secured: tuple[str, Path]) -> None:
    address, folder = secured
    with closing(KafkaAdminClient(**access(address, folder).arguments())) as admin:
        assert "t" in admin.list_topics()


async def test_a_wrong_password_is_refused(secured: tuple[str, Path]) -> None:
    address, folder = secured
    with pytest.raises(KafkaError):
        await send(access(address, folder, password="another one"))


async def test_a_broker_whose_certificate_our_authority_did_not_sign_is_not_believed(
    secured: tuple[str, Path], tmp_path: Path
) -> None:
    address, _ = secured
    certificates.make(tmp_path)
    with pytest.raises(KafkaError):
        await send(access(address, tmp_path))


async def test_a_certificate_for_another_name_is_not_believed(secured: tuple[str, Path]) -> None:
    """It names localhost; the address is of the same broker by number."""
    address, folder = secured
    other = address.replace("localhost", HOST)
    with pytest.raises(KafkaError):
        await send(access(other, folder))
