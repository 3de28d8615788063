"""A real Tryton ERP for the tests and ``make demo-erp``: installed and seeded once, then started in seconds.

``prepare`` makes, under ``$HUB_TRYTON_DIR`` (default ``.cache/tryton``), a virtual environment with Tryton and
a database with a small made-up company. ``running`` starts a server on a *copy* of that database, on the
loopback interface and a free port: what one run writes the next never sees. Needs a package registry once.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SEED = HERE / "tryton_seed.py"
DATABASE = "erp"
LOCK = HERE.parent / "requirements" / "tryton.lock"
"""Every package by version and hash: proteus, trytond, trytond-purchase-requisition, -project, -account-asset ~=8.2.0
and what they need."""
PIP = ("-q", "--disable-pip-version-check", "--retries", "2", "--require-hashes", "--only-binary", ":all:")
REQUIREMENT = "Tryton 8.2"
STARTS_WITHIN_SECONDS = 60.0
COMPANY = {
    "company": "Example Instruments Ltd",
    "currency": "CNY",
    "people": {
        "E1001": "Lin Zhixia",
        "E1002": "Zhou Mingyuan",
        "E1003": "Shen Ruolan",
        "E1004": "Gao Zhiqiang",
        "E1005": "Tang Xiaoyu",
        "E1006": "Maria Beispiel",
        "E1007": "John Sample",
    },
    "products": [
        ["LAPTOP-14", "Laptop computer 14 inch", "assets", "u"],
        ["SENSOR-T1", "Temperature sensor", "goods", "u"],
        ["CABLE-M", "Shielded cable by the metre", "goods", "m"],
        ["INSTALL-H", "Installation by the hour", "service", "h"],
        ["equipment", "Equipment, written off over three years", "assets", "u"],
    ],
    "supplier": ["S-100", "Example Supplies"],
}
"""The people of the shipped ``people.yaml``; a product per kind, one sold in fractions, one that is a fixed asset."""


class NoTryton(Exception):
    """Tryton cannot be installed or started here; the message says which step and shows its last words."""


@dataclass(frozen=True, slots=True)
class Tryton:
    """A running server: ``keys`` are REST keys by login (``buyer`` may approve, ``clerk`` may not)."""

    url: str
    database: str
    keys: dict[str, str]
    log: Path
    password: Path
    """The file with the password of ``admin``, for people with a Tryton client."""
    home: Path
    """Where Tryton is installed."""

    def do(self, *words: str) -> None:
        """Something a person does in Tryton; ``tests/tryton_deeds.py`` says what there is."""
        conf = self.log.with_name("trytond.conf")
        _run(self.log.parent, [_bin(self.home, "python"), HERE / "tryton_deeds.py", conf, self.database, *words])

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """A call of Tryton's own interface, made without any code of the hub, in the seeded company."""
        context = urlsafe_b64encode(json.dumps({"company": 1, "companies": [1], "employee": 1}).encode()).decode()
        request = urllib.request.Request(
            f"{self.url}/{self.database}/rest/model/{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={
                "Authorization": f"bearer {self.keys['buyer']}",
                "X-Tryton-Context": context,
                "Content-Type": "application/json",
            },
        )
        with _direct().open(request, timeout=30) as answer:
            return json.load(answer)

    def requisitions(self, reference: str) -> list[dict[str, Any]]:
        """Tryton's own account of what carries a reference, asked without any code of the hub."""
        domain = urlsafe_b64encode(json.dumps([["description", "like", f"%{reference}%"]]).encode()).decode()
        fields = "".join(f"&f={name}" for name in ("number", "state", "description", "total_amount"))
        request = urllib.request.Request(
            f"{self.url}/{self.database}/rest/model/purchase.requisition?d={domain}{fields}",
            headers={"Authorization": f"bearer {self.keys['buyer']}"},
        )
        with _direct().open(request, timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return found


def home() -> Path:
    return Path(os.environ.get("HUB_TRYTON_DIR") or HERE.parent / ".cache" / "tryton").resolve()


def prepare(folder: Path) -> Path:
    """Install and seed where that is still to do; the folder of the seeded database. Safe to run side by side."""
    folder.mkdir(parents=True, exist_ok=True)
    mark = sha256(repr(COMPANY).encode() + SEED.read_bytes() + LOCK.read_bytes()).hexdigest()[:12]
    seeded = folder / f"seed-{mark}"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install(folder)
        if not (seeded / "keys.json").exists():
            shutil.rmtree(seeded, ignore_errors=True)
            _seed(folder, seeded)
    return seeded


def _install(folder: Path) -> None:
    done, wanted = folder / "installed", sha256(LOCK.read_bytes()).hexdigest()
    if done.exists() and done.read_text() == wanted:
        return
    _run(folder, [sys.executable, "-m", "venv", "--clear", folder / "venv"])
    _run(folder, [_bin(folder, "python"), "-m", "pip", "install", *PIP, "-r", LOCK])
    done.write_text(wanted)


def _seed(folder: Path, seeded: Path) -> None:
    """A fresh database with the module and its dependencies, then the company; ``keys.json`` comes last."""
    seeded.mkdir(mode=0o700)
    conf = _configure(seeded, "127.0.0.1:0")
    (seeded / f"{DATABASE}.sqlite").touch()  # trytond only opens a file that is there; empty means new
    password = seeded / "password"
    password.write_text(secrets.token_urlsafe(24))
    modules = ["-u", "ir", "res", "purchase_requisition", "project", "account_asset", "--activate-dependencies"]
    account = ["--login", "admin", "--administrator", "--email", "admin@example.com", "--password"]
    _run(
        folder,
        [_bin(folder, "trytond-admin"), "-c", conf, "-d", DATABASE, *modules, *account],
        env={"TRYTONPASSFILE": str(password)},
    )
    keys = _run(folder, [_bin(folder, "python"), SEED, conf, DATABASE], stdin=json.dumps(COMPANY))
    (seeded / "keys.json").write_text(json.dumps(json.loads(keys)))


def _configure(folder: Path, listen: str) -> Path:
    conf = folder / "trytond.conf"
    conf.write_text(f"[database]\nuri = sqlite://\npath = {folder}\n\n[web]\nlisten = {listen}\n")
    return conf


def _bin(folder: Path, name: str) -> Path:
    return folder / "venv" / "bin" / name


def _run(folder: Path, command: list[object], stdin: str = "", env: dict[str, str] | None = None) -> str:
    """The command's output; ``NoTryton`` with its last lines where it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, env=_environment(env), check=False)
    with (folder / "setup.log").open("a") as log:
        log.write(f"$ {words[0]}\n{done.stderr}")
    if done.returncode:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if not line.startswith("WARNING")]
        raise NoTryton(f"{Path(words[0]).name} ended with {done.returncode}; " + "\n".join(lines[-8:]))
    return done.stdout


def _environment(more: dict[str, str] | None) -> dict[str, str]:
    """Ours, without what would point Tryton at somebody else's server or database."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("TRYTOND_", "DB_NAME"))} | (more or {})


@contextlib.contextmanager
def running(where: Path, folder: Path | None = None) -> Iterator[Tryton]:
    """A server on a copy of the seeded database in ``where`` (a new folder), stopped at the end."""
    folder = folder or home()
    seeded = prepare(folder)
    where.mkdir(parents=True, exist_ok=True)
    shutil.copy(seeded / f"{DATABASE}.sqlite", where)
    address = f"127.0.0.1:{_free_port()}"
    conf, log = _configure(where, address), where / "trytond.log"
    keys = json.loads((seeded / "keys.json").read_text())
    with log.open("w") as stream:
        process = subprocess.Popen(
            [str(_bin(folder, "trytond")), "-c", str(conf), "-d", DATABASE],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=_environment(None),
        )
    try:
        _wait(process, f"http://{address}/{DATABASE}/", log)
        yield Tryton(f"http://{address}", DATABASE, keys, log, seeded / "password", folder)
    finally:
        _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _direct() -> urllib.request.OpenerDirector:
    """Never through a proxy of the environment."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Until the REST interface asks who we are (401): by then the modules are loaded."""
    opener = _direct()
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            opener.open(f"{url}rest/model/res.user/1", timeout=10).close()
        except urllib.error.HTTPError as answer:
            answer.close()
            if answer.code == 401:
                return
        except OSError:
            pass  # not listening yet
        time.sleep(0.1)
    raise NoTryton(f"the server did not answer at {url}\n{log.read_text()[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
