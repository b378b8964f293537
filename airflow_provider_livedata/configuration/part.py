"""What every mapping of the file is."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A mapping of known names; a text is no number, and the other way round."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    def chosen(self) -> dict[str, Any]:
        """What the file says, without defaults."""
        return self.model_dump(exclude_unset=True)
