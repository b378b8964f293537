"""What the stand-in of Ranger Admin keeps, and the rules by which it refuses: those of Ranger's ``RangerPolicyValidator``, as far as they are here.

Source: Ranger 2.6.0, the messages and codes of ``ValidationErrorCode``, the signature of ``RangerPolicyResourceSignature``.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]

ITEMS = (
    "policyItems",
    "denyPolicyItems",
    "allowExceptions",
    "denyExceptions",
    "dataMaskPolicyItems",
    "rowFilterPolicyItems",
)
_PARTS = {1: "dataMaskDef", 2: "rowFilterDef"}  # of a service-def, by the type of policy
_SINGLE_FIELDS = {
    "isEnabled": True,
    "isAuditEnabled": True,
    "isDenyAllElse": False,
    "policyType": 0,
    "policyPriority": 0,
}
_LISTS = ("conditions", "validitySchedules", "policyLabels", *ITEMS)


class Refused(Exception):
    """A request that Ranger Admin refuses, with the status of its answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class RangerStore:
    """Services, policies, roles and zones by id, oldest first. Whoever calls sees to it that one call ends before the next."""

    def __init__(self, service_defs: Mapping[str, Json], user: str) -> None:
        self.service_defs = {name: copy.deepcopy(dict(one)) for name, one in service_defs.items()}
        self.services: dict[int, Json] = {}
        self.policies: dict[int, Json] = {}
        self.roles: dict[int, Json] = {}
        self.zones: dict[int, Json] = {}
        self.tags: dict[str, Json] = {}
        self._user = user
        # Where a policy that was changed or removed had been is looked at once more: numbers are never given twice.
        self._by_guid: dict[tuple[str, ...], int] = {}
        self._by_name: dict[tuple[str, ...], int] = {}
        self._by_signature: dict[tuple[str, str], int] = {}
        self._next = {kind: itertools.count(1) for kind in ("service", "policy", "role", "zone")}
        self._last_ms = 0

    def add(self, kind: str, table: dict[int, Json], given: Json) -> Json:
        """Keep a service, role or zone under its name, which must be new."""
        name = given.get("name")
        if not name:
            raise Refused(400, f"{kind} name is missing")
        if any(one["name"] == name for one in table.values()):
            raise Refused(400, f"{kind.capitalize()} with name: {name} already exists")
        if kind == "service" and given.get("type") not in self.service_defs:
            raise Refused(400, f"service-def does not exist: name={given.get('type')}")
        whole = self._first({**_filled(kind), **_set(given)}, next(self._next[kind]))
        table[whole["id"]] = whole
        return whole

    def change(self, kind: str, table: dict[int, Json], number: int, given: Json) -> Json:
        """Put a service, role or zone in the place of what was there."""
        old = found(table, number)
        if given.get("id") not in (None, number):
            raise Refused(400, f"{kind}ID mismatch")
        if any(one["name"] == given.get("name") and one["id"] != number for one in table.values()):
            raise Refused(400, f"{kind.capitalize()} with name: {given.get('name')} already exists")
        table[number] = self._later({**_filled(kind), **_set(given), "name": given.get("name") or old["name"]}, old)
        return table[number]

    def set_tags(self, service: str, borne: Json) -> None:
        """Keep what bears tags in a service; its ``tagVersion`` tells that it changed."""
        whole = self.service(service)
        whole["tagVersion"] += 1
        self.tags[service] = {**borne, "serviceName": service, "tagVersion": whole["tagVersion"]}

    def tags_of(self, service: str) -> Json:
        """What bears tags in a service."""
        version = self.service(service)["tagVersion"]
        return self.tags.get(service) or {"op": "add_or_update", "serviceName": service, "tagVersion": version}

    def remove_role(self, number: int) -> None:
        """Remove a role, which no policy and no other role may name."""
        name = found(self.roles, number)["name"]
        lines = [line for policy in self.policies.values() for part in ITEMS for line in policy[part]]
        if any(name in (line.get("roles") or ()) for line in lines):
            raise Refused(400, f"Role '{name}' can not be deleted as it is referenced in one or more policies")
        if any(one["name"] == name for role in self.roles.values() for one in role.get("roles") or ()):
            raise Refused(400, f"Role '{name}' can not be deleted as it is referenced in one or more other roles")
        del self.roles[number]

    def add_policy(self, given: Json) -> Json:
        """Keep a policy that is new."""
        guid = given.get("guid") or str(uuid.uuid4())
        given = {**given, "guid": guid, "name": (given.get("name") or "").strip() or f"{given.get('service')}-{guid}"}
        whole = self._checked(given, None)
        if self._by_guid.get((guid, *_place(whole))) in self.policies:
            raise Refused(400, f"policy already exists: guid={guid}")
        return self._keep(self._first(whole, next(self._next["policy"])))

    def change_policy(self, number: int, given: Json) -> Json:
        """Put a policy in the place of what was there."""
        old = found(self.policies, number)
        if given.get("id") not in (None, number):
            raise Refused(400, "policyID mismatch")
        given = {
            **given,
            "id": number,
            "guid": given.get("guid") or old["guid"],
            "name": given.get("name") or old["name"],
        }
        return self._keep(self._later(self._checked(given, old), old))

    def remove_policy(self, number: int) -> None:
        """Remove a policy."""
        policy = found(self.policies, number)
        del self.policies[number]
        self._count(policy["service"])

    def _keep(self, policy: Json) -> Json:
        number = policy["id"]
        self.policies[number] = policy
        self._by_guid[policy["guid"], *_place(policy)] = number
        self._by_name[policy["name"], *_place(policy)] = number
        self._by_signature[policy["resourceSignature"], policy["service"]] = number
        self._count(policy["service"])
        return policy

    def _count(self, service: str) -> None:
        self.service(service)["policyVersion"] = self.service(service)["policyVersion"] + 1

    def service(self, name: str | None) -> Json:
        """The service of a name."""
        for one in self.services.values():
            if one["name"] == name:
                return one
        raise Refused(404, "Not found")

    def in_service(self, name: str | None) -> list[Json]:
        """The policies of a service."""
        return [one for one in self.policies.values() if one["service"] == name]

    def _first(self, whole: Json, number: int) -> Json:
        now = self._now_ms()
        whole = {**whole, "id": number, "guid": whole.get("guid") or str(uuid.uuid4()), "version": 1}
        return {**whole, "createdBy": self._user, "updatedBy": self._user, "createTime": now, "updateTime": now}

    def _later(self, whole: Json, old: Json) -> Json:
        kept = {name: old[name] for name in ("id", "createdBy", "createTime")}
        stamp = {"version": old["version"] + 1, "updatedBy": self._user, "updateTime": self._now_ms()}
        return {**whole, "guid": whole.get("guid") or old["guid"], **kept, **stamp}

    def _now_ms(self) -> int:
        self._last_ms = max(self._last_ms + 1, time.time_ns() // 1_000_000)  # two changes have two times
        return self._last_ms

    def _checked(self, given: Json, old: Json | None) -> Json:
        """The policy with all that Ranger Admin fills in, or Refused with all that is wrong."""
        service = next((one for one in self.services.values() if one["name"] == given.get("service")), None)
        if service is None:
            reason = f"Invalid service name=[{given.get('service')}]"
            raise Refused(400, _failures([(3007, reason, "service", "semantically incorrect")]))
        policy = _whole(given, service["type"])
        wrong = [*self._wrong_moves(policy, old), *self._taken(policy)]
        wrong += [*_wrong_resources(policy, self.service_defs[service["type"]])]
        wrong += [*_wrong_items(policy, self.service_defs[service["type"]])]
        if wrong:
            raise Refused(400, _failures(wrong))
        return policy

    def _wrong_moves(self, policy: Json, old: Json | None) -> Iterator[_Failure]:
        zone, service = policy["zoneName"], policy["service"]
        known = next((one for one in self.zones.values() if one["name"] == zone), None)
        if zone and known is None:
            yield 3033, f"Non-existent Zone name={zone} in policy create", "zoneName", _INCORRECT
        elif known is not None and service not in known["services"]:
            yield 3048, f"Service name = {service} is not associated to Zone name = {zone}", "zoneName", _INCORRECT
        if old is None:
            return
        for code, field, text in (
            (3027, "service", "attempt to move policy id={0} from service={1} to service={2} is not allowed"),
            (3028, "policyType", "attempt to change type of policy id={0} from type={1} to type={2} is not allowed"),
            (3032, "zoneName", "Update of Zone name from={1} to={2} in policy is not supported"),
        ):
            if policy[field] != old[field]:
                yield code, text.format(policy["id"], old[field], policy[field]), field, _INCORRECT

    def _taken(self, policy: Json) -> Iterator[_Failure]:
        named = self.policies.get(self._by_name.get((policy["name"], *_place(policy)), 0))
        if named and named["id"] != policy.get("id") and named["name"] == policy["name"]:
            reason = (
                f"Another policy already exists for this name: policy-id=[{named['id']}], service=[{named['service']}]"
            )
            yield 3006, reason, "policy name", _INCORRECT
        signature = policy["resourceSignature"]
        same = self.policies.get(self._by_signature.get((signature, policy["service"]), 0))
        if same and same["id"] != policy.get("id") and same["resourceSignature"] == signature:
            where = f"policy-name=[{same['name']}], service=[{same['service']}]"
            yield 3010, f"Another policy already exists for matching resource: {where}", "resources", _INCORRECT


_Failure = tuple[int, str, str, str]  # code, reason, field, type
_INCORRECT, _MISSING = "semantically incorrect", "missing"


def found(table: dict[int, Json], number: int) -> Json:
    """What has this id."""
    if number not in table:
        raise Refused(404, "Not found")
    return table[number]


def _failures(wrong: list[_Failure]) -> str:
    """All that is wrong, as Ranger writes it."""
    told = (
        f"({number})  Validation failure: error code[{code}], reason[{reason}], field[{field}], subfield[null], type[{kind}]"
        for number, (code, reason, field, kind) in enumerate(wrong)
    )
    return " ".join(told)


def _set(given: Json) -> Json:
    """What was given; a client sends null for what it leaves out."""
    return {name: value for name, value in given.items() if value is not None}


def _filled(kind: str) -> Json:
    if kind == "service":
        return {"isEnabled": True, "configs": {}, "policyVersion": 1, "tagVersion": 1}
    if kind == "role":
        return {"description": "", "options": {}, "users": [], "groups": [], "roles": []}
    return {
        "services": {},
        "tagServices": [],
        "adminUsers": [],
        "adminUserGroups": [],
        "auditUsers": [],
        "auditUserGroups": [],
    }


def _whole(given: Json, kind: str) -> Json:
    """A policy as Ranger Admin gives it back: what was left out is there, with its default."""
    policy: Json = {**_SINGLE_FIELDS, "description": "", "options": {}, **{name: [] for name in _LISTS}}
    policy |= _set(copy.deepcopy(given))
    policy |= {"serviceType": kind, "zoneName": given.get("zoneName") or ""}
    resources = policy.get("resources") or {}
    flags = {"isExcludes": False, "isRecursive": False}
    policy["resources"] = {name: {"values": [], **flags, **_set(one)} for name, one in resources.items()}
    for name in ITEMS:
        empty = {"accesses": [], "users": [], "groups": [], "roles": [], "conditions": [], "delegateAdmin": False}
        policy[name] = [copy.deepcopy(empty) | _set(one) for one in policy[name]]
        for item in policy[name]:
            item["accesses"] = [{"isAllowed": True, **one} for one in item["accesses"]]
    policy["resourceSignature"] = _signature(policy)
    return policy


def _signature(policy: Json) -> str:
    """Equal for policies of one kind on the same resources; a disabled one is like no other."""
    resources = {
        name: (sorted(one["values"]), one["isExcludes"], one["isRecursive"])
        for name, one in policy["resources"].items()
    }
    more = [policy[name] for name in ("policyType", "policyPriority", "validitySchedules", "conditions", "zoneName")]
    parts = [resources, *more, None if policy["isEnabled"] else policy["guid"]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _place(policy: Json) -> tuple[str, str]:
    return policy["service"], policy["zoneName"]


def _wrong_resources(policy: Json, service_def: Json) -> Iterator[_Failure]:
    named, sets = set(policy["resources"]), _resource_sets(policy["policyType"], service_def)
    around = [one for one in sets if named <= one]
    if named not in sets:
        choice = " ".join("[" + ", ".join(sorted(one)) + "]" for one in around or sets)
        is_one, verb = len(around or sets) == 1, "must" if around else "can"
        what = "the following resources" if is_one else "one of the following resource sets"
        code = (3025 if is_one else 3012) if around else (3024 if is_one else 3011)
        reason = f"{service_def['name']} policy {verb} specify values for {what}: {choice}"
        yield code, f"Invalid resources specified. {reason}", "policy resources", _INCORRECT
        return
    definitions = {one["name"]: one for one in service_def["resources"]}
    for name, one in policy["resources"].items():
        if not any(one["values"]):
            yield (
                3026,
                "Resource list was empty or contains null. At least one resource must be specified",
                name,
                _MISSING,
            )
        if len(set(one["values"])) != len(one["values"]):
            yield 3056, f"Values for the resource={name} contained a duplicate value", name, _INCORRECT
        if one["isExcludes"] and not definitions[name].get("excludesSupported"):
            yield 3015, f"Excludes option not supported: resource-name=[{name}]", "isExcludes", _INCORRECT
        if one["isRecursive"] and not definitions[name].get("recursiveSupported"):
            yield 3017, f"Recursive option not supported: resource-name=[{name}].", "isRecursive", _INCORRECT


def _resource_sets(policy_type: int, service_def: Json) -> list[set[str]]:
    """What a policy of this type can be on: each leaf with all that it is in."""
    definitions = {one["name"]: one for one in service_def["resources"]}
    part = service_def.get(_PARTS[policy_type]) or {} if policy_type in _PARTS else service_def
    names = [one["name"] for one in part.get("resources") or ()]
    parents = {definitions[name].get("parent") for name in names}
    sets = []
    for name in names:
        if name in parents and (policy_type in _PARTS or not definitions[name].get("isValidLeaf")):
            continue
        chain, above = {name}, definitions[name].get("parent")
        while above:
            chain.add(above)
            above = definitions[above].get("parent")
        sets.append(chain)
    return sets


def _wrong_items(policy: Json, service_def: Json) -> Iterator[_Failure]:
    part = service_def.get(_PARTS[policy["policyType"]]) or {} if policy["policyType"] in _PARTS else service_def
    known = [one["name"] for one in part.get("accessTypes") or ()]
    items = [item for name in ITEMS for item in policy[name]]
    if not items and not policy["isAuditEnabled"]:
        yield 3008, "at least one policy item must be specified if audit isn't enabled", "policy items", _MISSING
    for item in policy["dataMaskPolicyItems"]:
        if not (item.get("dataMaskInfo") or {}).get("dataMaskType"):
            yield 3019, "policy items object was null", "policy item datamask-type", _MISSING
    for item in items:
        if not (item["users"] or item["groups"] or item["roles"]):
            reason = "All of users,  user-groups and roles collections on the policy item were null/empty"
            yield 3020, reason, "policy item users/user-groups/roles", _MISSING
        if not item["accesses"]:
            yield 3002, "Internal error: missing field[policy item accesses]", "policy item accesses", _MISSING
        for access in item["accesses"]:
            if access.get("type") not in known:
                reason = f"Invalid access type: access type=[{access.get('type')}], valid access types=[{known}]"
                yield 3022, reason, "policy item access type", _INCORRECT
