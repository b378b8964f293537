"""Policies of a file that Ranger exported (its page "Export", or ``/service/plugins/policies/exportJson``), to be read."""

from __future__ import annotations

import json
from collections.abc import Iterator

from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.policies.base import Plain
from airflow_provider_livedata.engine.policies.model import Broken, Facts, Policy, Who
from airflow_provider_livedata.engine.policies.ranger_json import policy_of

# The parts of the service definitions that Ranger ships, by which the kind of a policy is told where the file does not.
KINDS = {"hive": frozenset({"database", "url", "hiveservice", "global"}), "hdfs": frozenset({"path"})}


class ExportedPolicies(Plain):
    """One service's policies of an exported file.

    Such a file tells neither roles nor security zones nor policies of tags, so that roles have to be kept (``roles_as="keep"``).

    Raises:
        BadInput: It is no such file, or holds no policy of the service.
    """

    def __init__(self, data: bytes, service: str, name: str) -> None:
        self.name, self.service = f"{name}/{service}", service
        try:
            told = json.loads(data)
            listed = list(told["policies"])
        except (ValueError, KeyError, TypeError):
            raise BadInput("no file that Ranger exported: JSON with a list of policies", file=name) from None
        self._policies = [one for one in listed if isinstance(one, dict) and one.get("service") == service]
        if not self._policies:
            names = sorted({str(one.get("service")) for one in listed if isinstance(one, dict)})
            raise BadInput(
                f"the file holds no policies of this service; its services are {', '.join(names)}",
                file=name,
                service=service,
            )

    def facts(self) -> Facts:
        """See ``PolicySource``; of names it knows those that its policies use."""
        policies = [one for one in self.policies() if isinstance(one, Policy)]
        lines = [line for one in policies for line in (*one.allow, *one.deny, *one.allow_except, *one.deny_except)]
        parts = frozenset(part for one in policies for resource in one.resources for part, _ in resource)
        kind = next((one.get("serviceType") for one in self._policies if one.get("serviceType")), "")
        kind = kind or next((kind for kind, known in KINDS.items() if parts & known), "")
        return Facts(kind, frozenset(access for line in lines for access in line.accesses), parts)

    def policies(self) -> Iterator[Policy | Broken]:
        """See ``PolicySource``."""
        return (policy_of(value) for value in self._policies)

    def roles(self) -> dict[str, Who]:
        """See ``PolicySource``."""
        return {}
