"""A workspace of its own in a temporary folder, driven through the command line as a person or a script would."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from connectors.erp.books import Books
from hub.connector.samples import render

ROOT = Path(__file__).parents[2]
HUB_YAML = """\
listen: 127.0.0.1:0
people: {root}/people.yaml
schemas: {root}/schemas
connections:
  jira: {{url: builtin, secret: "file:secret"}}
  trello: {{url: builtin, secret: "file:secret"}}
  erp: {{url: builtin}}
  mail: {{url: builtin}}
"""


class Space:
    """The folder, and the ``hub`` command on it."""

    def __init__(self, folder: Path, settle: str = "0s") -> None:
        self.folder = folder
        (folder / "mappings").mkdir(parents=True)
        (folder / "hub.yaml").write_text(HUB_YAML.format(root=ROOT), "utf-8")
        (folder / "secret").write_text("a sample secret of this test\n", "utf-8")
        for name in ("rd-close.yaml", "event-budget.yaml"):
            text = (ROOT / "mappings" / name).read_text("utf-8")
            (folder / "mappings" / name).write_text(text.replace("settle: 5s", f"settle: {settle}"), "utf-8")

    @classmethod
    def at(cls, folder: Path) -> Space:
        """The command on a folder that holds nothing yet."""
        folder.mkdir(parents=True)
        made = cls.__new__(cls)
        made.folder = folder
        return made

    def hub(self, *words: str, crash_at: str = "", expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hub.cli", *words, "-w", str(self.folder)]
        environ = {**os.environ, "HUB_CRASH_AT": crash_at, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, capture_output=True, text=True, env=environ, cwd=self.folder, timeout=120)
        if expect is not None:
            assert done.returncode == expect, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *words: str, expect: int | None = 0) -> Any:
        """The one JSON document a command prints."""
        return json.loads(self.hub(*words, "--format", "json", expect=expect).stdout)

    def story(self, name: str) -> Path:
        """The sample story of a source as recorded deliveries."""
        file = self.folder / f"{name}.jsonl"
        if not file.exists():
            raws = render(ROOT / "connectors" / name / "samples" / "story.jsonl", time.time_ns() // 1000)
            lines = [
                json.dumps({"headers": dict(raw.headers), "body_base64": base64.b64encode(raw.body).decode()})
                for raw in raws
            ]
            file.write_text("\n".join(lines) + "\n", "utf-8")
        return file

    def documents(self) -> dict[str, int]:
        """The ERP's own count: documents per reference."""
        books = Books(self.folder / ".hub" / "twins" / "erp.db", strict=False)
        try:
            return dict(books.counts())
        finally:
            books.close()
