"""docker-compose.yml, the Dockerfile and deploy/hub.yaml say what the settings, the commands and the tests say.

No container is started here: what can drift without one is compared, the rest is the images' own.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from hub.cli.app import build
from hub.references import is_reference
from hub.settings import Settings, load_settings
from tests.cluster.postgres import NEWEST

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
OURS = [name for name, service in SERVICES.items() if service["image"] == "projops-hub"]
FOREVER = [name for name in SERVICES if name != "prepare"]
SECRETS = "/run/secrets/"


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(ROOT / "deploy", {})


def words(service: dict[str, Any]) -> list[list[str]]:
    """The command lines of the hub that a service runs."""
    if service.get("entrypoint") == ["sh", "-ec"]:
        return [line.split()[1:] for line in service["command"][0].split(" && ")]
    return [service["command"]]


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one_the_hub_has_with_options_it_knows(name: str) -> None:
    for line in words(SERVICES[name]):
        command: Any = get_command(build())
        rest = list(line)
        while getattr(command, "commands", None):
            command = command.commands[rest.pop(0)]
        command.make_context(name, rest).close()


def test_the_store_is_the_postgres_service(settings: Settings) -> None:
    server = SERVICES["postgres"]
    user, database = server["environment"]["POSTGRES_USER"], server["environment"]["POSTGRES_DB"]
    assert settings.store == f"postgresql://{user}@postgres:5432/{database}"
    assert settings.store_password == f"file:{server['environment']['POSTGRES_PASSWORD_FILE']}"
    assert server["image"] == f"postgres:{NEWEST}"


def test_the_log_is_the_kafka_service(settings: Settings) -> None:
    environment = SERVICES["kafka"]["environment"]
    assert settings.log == "kafka"
    assert environment["KAFKA_ADVERTISED_LISTENERS"] == f"PLAINTEXT://{settings.kafka.bootstrap}"
    assert settings.kafka.replication == 1
    assert environment["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert (settings.kafka.tls, settings.kafka.sasl) == (None, None)


def test_the_kafka_image_is_the_version_the_tests_run() -> None:
    pom = (ROOT / "tests" / "cluster" / "kafka-pom.xml").read_text("utf-8")
    version = re.search(r"<kafka.version>([^<]+)<", pom)
    assert version
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{version[1]}"


def test_every_secret_is_a_reference_to_one_that_is_mounted(settings: Settings) -> None:
    given = [settings.store_password]
    given += [value for one in settings.connections.values() for key, value in one.options.items() if key == "secret"]
    assert all(is_reference(one) for one in given)
    named = {one.removeprefix(f"file:{SECRETS}") for one in given}
    assert named == set(COMPOSE["secrets"])
    assert all(set(SERVICES[name]["secrets"]) == named for name in OURS)
    assert all(one.keys() == {"environment"} for one in COMPOSE["secrets"].values())


def test_only_the_intake_is_published_and_on_this_machine_alone(settings: Settings) -> None:
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "intake": [f"127.0.0.1:{settings.port}:{settings.port}"]
    }
    assert settings.public_url == f"http://127.0.0.1:{settings.port}"
    assert f"http://127.0.0.1:{settings.port}/health" in SERVICES["intake"]["healthcheck"]["test"][-1]


def test_what_runs_for_ever_is_watched_and_started_again() -> None:
    assert {name for name in FOREVER if "healthcheck" not in SERVICES[name]} == set()
    assert {name for name, service in SERVICES.items() if service["restart"] == "unless-stopped"} == set(SERVICES) - {
        "prepare"
    }
    assert SERVICES["prepare"]["restart"] == "no"


def test_every_volume_is_declared_and_every_file_is_there() -> None:
    mounts = [one.split(":") for service in SERVICES.values() for one in service.get("volumes", [])]
    files = {source for source, *_ in mounts if source.startswith("./")}
    assert {one for one in files if not (ROOT / one).exists()} == set()
    assert {source for source, *_ in mounts} - files == set(COMPOSE["volumes"])


def test_stand_ins_are_reached_by_all_who_call_them(settings: Settings) -> None:
    """They listen on the loopback of whoever starts first, so intake and workers have one network between them."""
    assert any(one.builtin for one in settings.connections.values())
    callers = [name for name in OURS if name not in ("prepare", "intake")]
    assert {SERVICES[name]["network_mode"] for name in callers} == {"service:intake"}


def test_both_workers_are_alike_and_leave_the_intake_to_the_intake() -> None:
    one, two = ({**SERVICES[name]} for name in ("worker-1", "worker-2"))
    slots = [one.pop("environment"), two.pop("environment")]
    assert one == two
    assert slots == [{"HUB_SLOT": "worker-1"}, {"HUB_SLOT": "worker-2"}]
    parts = {part for name in ("intake", "worker-1") for part in SERVICES[name]["command"][-1].split(",")}
    assert parts == {"intake", "engine", "effects", "publish", "poll"}
    assert SERVICES["intake"]["command"][-1] == "intake"


def test_the_image_runs_on_a_python_that_is_tested_under_an_account_of_its_own() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lowest = project["requires-python"].removeprefix(">=").partition(",")[0]
    assert set(re.findall(r"^FROM python:([\d.]+)-slim", DOCKERFILE, re.M)) == {lowest}
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.M) == ["hub"]
    assert "--require-hashes" in DOCKERFILE


def test_the_image_is_made_of_files_that_are_there_and_let_in() -> None:
    allowed = {
        line.removeprefix("!").rstrip("/") for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"
    }
    copied = {one for line in re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.M) for one in line.split()}
    assert {one for one in copied if not (ROOT / one).exists()} == set()
    assert {one.partition("/")[0] for one in copied} == allowed
