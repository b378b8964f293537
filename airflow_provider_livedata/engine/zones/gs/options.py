"""What a zone on Google Cloud Storage may be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ENDPOINT = "https://storage.googleapis.com"


@dataclass(frozen=True, slots=True)
class GsOptions:
    """Options of a zone.

    ``key``: what a key file of Google holds, of a service account or an authorized user; None: what the environment names, else
    the machine's own account. ``anonymous``: no credentials. ``endpoint_url``: of another server that speaks the JSON API.
    ``user_project``: who pays, where that is the requester. ``verify``: whether certificates are checked, or a file of
    authorities.
    """

    key: Mapping[str, Any] | None = field(default=None, repr=False)
    anonymous: bool = False
    endpoint_url: str = ENDPOINT
    user_project: str = ""
    connections: int = 64
    retries: int = 4
    timeout_s: float = 60.0
    part_bytes: int = 8 << 20
    verify: bool | str = True
