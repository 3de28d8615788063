"""A finding: one difference between what we made in a target and what it holds today. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hub.model.record import Json

Kind = Literal["double", "stray", "changed", "gone"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. ``field`` is empty unless a value ``changed``; values are canonical JSON.

    ``meant`` is what we asked for, ``confirmed`` what was read back then, ``now`` what the target says today.
    """

    kind: Kind
    connection: str
    action: str
    reference: str
    documents: tuple[str, ...]
    """Numbers (or ids) of the documents concerned."""
    effect: str = ""
    field: str = ""
    meant: Json = None
    confirmed: Json = None
    now: Json = None

    @property
    def id(self) -> str:
        """Names the difference whatever its values: one that stays is one finding, not a new one each time."""
        return "/".join(part for part in (self.kind, self.reference, self.field) if part)
