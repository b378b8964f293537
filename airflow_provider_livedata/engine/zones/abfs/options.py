"""What a zone on Azure may be told."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class AbfsOptions:
    """Options of a zone.

    ``account``: of storage, with one of ``account_key``, ``sas_token``, or ``tenant_id``, ``client_id`` and ``client_secret`` of an
    application; with none of them the machine's managed identity (``client_id``: which one). ``endpoint_url``: of the Blob service,
    where it is not that of the public cloud. ``verify``: whether certificates are checked, or a file of authorities.
    """

    account: str = ""
    account_key: str = field(default="", repr=False)
    sas_token: str = field(default="", repr=False)
    tenant_id: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    endpoint_url: str = ""
    connections: int = 64
    retries: int = 4
    timeout_s: float = 60.0
    part_bytes: int = 8 << 20
    verify: bool | str = True
