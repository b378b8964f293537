"""Policies of one service of Apache Ranger, read and written by its REST API v2."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from airflow_provider_livedata.engine.errors import PolicyMissing, PolicyStoreError, PolicyStoreUnreachable
from airflow_provider_livedata.engine.policies.base import kept_of
from airflow_provider_livedata.engine.policies.model import Broken, Facts, Item, Policy, Role, SecurityZone, Tagged, Who
from airflow_provider_livedata.engine.policies.ranger_client import API, RangerClient
from airflow_provider_livedata.engine.policies.ranger_json import (
    Malformed,
    facts_of,
    json_of,
    kept_role_of,
    policy_of,
    role_json,
    role_of,
    tagged_of,
    zone_of,
)

TAGS = "service/tags/secure/download"


class RangerService:
    """One service of one Ranger; the caller closes it."""

    def __init__(self, client: RangerClient, service: str) -> None:
        self.client, self.service = client, service
        self.name, self.home = f"{client.url}/{service}", client.url
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

    def tag_policies(self) -> list[Policy | Broken]:
        """See ``PolicySource``."""
        tags = self._told().get("tagService")
        if not tags:
            return []
        path = f"{API}/service/{quote(tags, safe='')}/policy"
        return [
            policy_of(value) for value in self.client.listed(path, "policies") if value.get("isEnabled") is not False
        ]

    def tagged(self) -> list[Tagged]:
        """See ``PolicySource``; by the request by which a plug-in asks for them."""
        told = self.client.get(f"{TAGS}/{quote(self.service, safe='')}", lastKnownVersion=-1)
        try:
            return tagged_of(told or {})
        except Malformed as error:
            raise PolicyStoreError(f"Ranger answered with {error}", service=self.service) from None

    def version(self) -> str:
        """See ``PolicySource``; that of its tags included, where it has a service of tags."""
        told = self._told()
        versions = [
            str(told.get(name) or "")
            for name in ("policyVersion", *(("tagVersion",) if told.get("tagService") else ()))
        ]
        return " ".join(versions) if all(versions) else ""

    def kept_roles(self) -> list[Role]:
        """See ``PolicyTarget``."""
        return [kept_role_of(value) for value in self.client.listed(f"{API}/roles", "roles")]

    def create(self, item: Item) -> Item:
        """See ``PolicyTarget``; one that is not kept as it was sent is removed again."""
        try:
            made = self.client.post(_path(item), self._json(item), **_query(item))
        except PolicyStoreUnreachable:
            there = kept_of(self, item)  # it may have been made all the same
            if there is None or there.digest() != item.digest():
                raise
            return there
        try:
            return _kept(made, item)
        except PolicyStoreError:
            if isinstance(made, dict) and made.get("id"):
                self.client.delete(f"{_path(item)}/{made['id']}")
            raise

    def update(self, item: Item) -> Item:
        """See ``PolicyTarget``."""
        return _kept(self.client.put(f"{_path(item)}/{item.number}", self._json(item), **_query(item)), item)

    def delete(self, item: Policy | Role) -> None:
        """See ``PolicyTarget``."""
        self.client.delete(f"{_path(item)}/{item.number}")

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

    def _json(self, item: Policy | Role) -> dict[str, Any]:
        return role_json(item) if isinstance(item, Role) else json_of(item, self.service, self.facts().kind)


def _path(item: Policy | Role) -> str:
    return f"{API}/roles" if isinstance(item, Role) else f"{API}/policy"


def _query(item: Policy | Role) -> dict[str, str]:
    """Who is in a role becomes known to Ranger if it is not yet, as who is named by an administrator's policy does by itself."""
    return {"createNonExistUserGroup": "true"} if isinstance(item, Role) else {}


def _kept(value: Any, sent: Item) -> Item:
    """A policy or role as Ranger says that it keeps it. An error that is no refusal: something was changed there."""
    what, read = _reading(sent)
    kept = read(value) if isinstance(value, dict) and value.get("name") else None
    if not isinstance(kept, type(sent)) or kept.digest() != sent.digest() or kept.origin != sent.origin:
        raise PolicyStoreError(f"Ranger did not keep a {what} as it was sent; is it 2.0 or newer?", **{what: sent.name})
    return kept


def _reading(item: Policy | Role) -> tuple[str, Callable[[Any], Any]]:
    return ("role", kept_role_of) if isinstance(item, Role) else ("policy", policy_of)


def open_ranger(service: str, url: str, user: str, password: str, **access: Any) -> RangerService:
    """A service of a Ranger; the caller closes it. ``access``: see ``RangerClient``."""
    return RangerService(RangerClient(url, user, password, **access), service)
