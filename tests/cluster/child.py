"""A process of ours beside the tests: its output in a file, signalled by its own id only, gone when we are gone."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1


class NoServer(Exception):
    """A server cannot be had here; the message says which step failed, shows its last words and how to fix it."""


class Child:
    """``command`` running, stdout and stderr appended to ``log``.

    It gets ``dies_by`` when the thread that started it ends (Linux; elsewhere only an orderly end stops it), so
    start children from the main thread. ``user``: the account to run as, given by root only.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: str | None = None,
        dies_by: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=None if env is None else dict(env),
                cwd=cwd,
                user=user,
                group=user and primary_group(user),
                extra_groups=None if user is None else [],
                start_new_session=True,  # Ctrl-C goes to us; we end them in order
                preexec_fn=_dying_with_parent(dies_by),
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative is the signal that ended it."""
        return self._process.poll()

    def wait(self, seconds: float) -> int:
        """The exit code; ``subprocess.TimeoutExpired`` where it still runs after ``seconds``."""
        return self._process.wait(seconds)

    def ask_to_stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        """Send the signal and do not wait; nothing where it has ended already."""
        self._process.send_signal(by)

    def stop(self, seconds: float = 30, by: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, kill it where it does not; the exit code."""
        self.ask_to_stop(by)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        self._process.kill()  # also ends a frozen one
        return self._process.wait(30)

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def last_words(self, characters: int = 2500) -> str:
        return self.log.read_text("utf-8", errors="replace")[-characters:]


def primary_group(user: str) -> int:
    import pwd  # not on Windows, nor is an account to change to

    return pwd.getpwnam(user).pw_gid


def _dying_with_parent(by: signal.Signals) -> Callable[[], None] | None:
    """What runs between fork and exec; after the change of account, which would clear the wish."""
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, int(by))
        if os.getppid() != parent:  # it ended before we could ask
            os.kill(os.getpid(), by)

    return ask
