"""Policies of one service of Apache Ranger, read and written by its REST API v2."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from airflow_provider_livedata.engine.errors import PolicyMissing, PolicyStoreError, PolicyStoreUnreachable
from airflow_provider_livedata.engine.policies.base import kept_of
from airflow_provider_livedata.engine.policies.model import Broken, Facts, Policy, SecurityZone, Who
from airflow_provider_livedata.engine.policies.ranger_client import API, RangerClient
from airflow_provider_livedata.engine.policies.ranger_json import facts_of, json_of, policy_of, role_of, zone_of


class RangerService:
    """One service of one Ranger; the caller closes it."""

    def __init__(self, client: RangerClient, service: str) -> None:
        self.client, self.service = client, service
        self.name = f"{client.url}/{service}"
        self._facts: Facts | None = None

    def close(self) -> None:
        """See ``PolicySource``."""
        self.client.close()

    def calls(self) -> Mapping[str, int]:
        """See ``PolicySource``."""
        return self.client.calls

    def facts(self) -> Facts:
        """See ``PolicySource``."""
        if self._facts is None:
            kind = self._told()["type"]
            self._facts = facts_of(self.client.get(f"{API}/servicedef/name/{quote(kind, safe='')}"))
        return self._facts

    def policies(self) -> Iterator[Policy | Broken]:
        """See ``PolicySource``."""
        path = f"{API}/service/{quote(self.service, safe='')}/policy"
        return (policy_of(value) for value in self.client.listed(path, "policies"))

    def roles(self) -> dict[str, Who]:
        """See ``PolicySource``."""
        return dict(role_of(value) for value in self.client.listed(f"{API}/roles", "roles"))

    def zones(self) -> list[SecurityZone]:
        """See ``PolicySource``."""
        found = (zone_of(value, self.service) for value in self.client.listed(f"{API}/zones", "securityZones"))
        return [zone for zone in found if zone is not None]

    def tag_policies(self) -> int:
        """See ``PolicySource``."""
        tags = self._told().get("tagService")
        if not tags:
            return 0
        path = f"{API}/service/{quote(tags, safe='')}/policy"
        return sum(value.get("isEnabled") is not False for value in self.client.listed(path, "policies"))

    def version(self) -> str:
        """See ``PolicySource``."""
        told = self._told()
        return f"{told.get('policyVersion')}" if told.get("policyVersion") else ""

    def create(self, policy: Policy) -> Policy:
        """See ``PolicyTarget``; one that is not kept as it was sent is removed again."""
        try:
            made = self.client.post(f"{API}/policy", self._json(policy))
        except PolicyStoreUnreachable:
            there = kept_of(self, policy)  # it may have been made all the same
            if there is None or there.digest() != policy.digest():
                raise
            return there
        try:
            return _kept(made, policy)
        except PolicyStoreError:
            if isinstance(made, dict) and made.get("id"):
                self.client.delete(f"{API}/policy/{made['id']}")
            raise

    def update(self, policy: Policy) -> Policy:
        """See ``PolicyTarget``."""
        return _kept(self.client.put(f"{API}/policy/{policy.number}", self._json(policy)), policy)

    def delete(self, policy: Policy) -> None:
        """See ``PolicyTarget``."""
        self.client.delete(f"{API}/policy/{policy.number}")

    def _told(self) -> dict[str, Any]:
        try:
            found = self.client.get(f"{API}/service/name/{quote(self.service, safe='')}")
        except PolicyMissing:
            found = None
        if not isinstance(found, dict) or not found.get("type"):
            raise PolicyMissing(
                "Ranger has no service of this name, or this user may not see it",
                service=self.service,
                url=self.client.url,
            )
        return found

    def _json(self, policy: Policy) -> dict[str, Any]:
        return json_of(policy, self.service, self.facts().kind)


def _kept(value: Any, sent: Policy) -> Policy:
    """A policy as Ranger says that it keeps it. An error that is no refusal: something was changed there."""
    kept = policy_of(value) if isinstance(value, dict) else Broken(sent.name, "no policy")
    if isinstance(kept, Broken) or kept.digest() != sent.digest() or kept.origin != sent.origin:
        raise PolicyStoreError("Ranger did not keep a policy as it was sent; is it 2.0 or newer?", policy=sent.name)
    return kept


def open_ranger(service: str, url: str, user: str, password: str, **access: Any) -> RangerService:
    """A service of a Ranger; the caller closes it. ``access``: see ``RangerClient``."""
    return RangerService(RangerClient(url, user, password, **access), service)
