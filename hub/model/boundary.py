"""Named crash boundaries B1–B21 (``docs/reliability.md``): where a test may kill the hub, as the power would.

``HUB_CRASH_AT=B9`` kills the process with SIGKILL when it first passes B9, ``B9:3`` at the third passage. Unset,
passing a boundary costs one comparison.
"""

from __future__ import annotations

import os
import signal

_AT, _, _NTH = os.environ.get("HUB_CRASH_AT", "").partition(":")
_left = int(_NTH or "1")


def boundary(name: str) -> None:
    """Die here if this process was told to."""
    if name != _AT:
        return
    global _left
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
