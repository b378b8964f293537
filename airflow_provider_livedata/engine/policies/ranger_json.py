"""Policies, roles, zones and service definitions between Apache Ranger's JSON and the model. Pure.

Source: the REST API v2 of Ranger 2.x, https://ranger.apache.org/apidocs. Where a policy comes from is kept in its ``options`` (Ranger
2.0 or newer keeps them) and told by its label.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from airflow_provider_livedata.engine.policies.model import (
    OURS,
    Broken,
    Condition,
    Facts,
    Grant,
    Kind,
    Origin,
    Policy,
    Resource,
    Role,
    SecurityZone,
    Tagged,
    Values,
    Who,
    as_json,
    resource_of,
)

KINDS: tuple[Kind, ...] = ("access", "mask", "row filter")
LISTS = ("policyItems", "dataMaskPolicyItems", "rowFilterPolicyItems")  # by kind
OVERRIDE = 1
BELOW = ("path", "url")
_FIELDS = frozenset({
    "name", "policyType", "policyPriority", "description", "isAuditEnabled", "isEnabled", "resources", "additionalResources", "conditions",
    "denyPolicyItems", "allowExceptions", "denyExceptions", "validitySchedules", "policyLabels", "zoneName", "isDenyAllElse", *LISTS,
    # what the service keeps for itself
    "id", "guid", "version", "createdBy", "updatedBy", "createTime", "updateTime", "resourceSignature", "service", "serviceType", "options",
})  # fmt: skip
_LINE = frozenset(
    {"users", "groups", "roles", "accesses", "delegateAdmin", "conditions", "dataMaskInfo", "rowFilterInfo"}
)


class Malformed(Exception):
    """JSON that is no policy."""


def policy_of(value: Mapping[str, Any]) -> Policy | Broken:
    """A policy, or why it cannot be read."""
    try:
        return _policy(value)
    except (Malformed, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        why = str(error) if isinstance(error, Malformed) else f"{type(error).__name__}: {error}"
        number = value.get("id")
        return Broken(str(value.get("name") or number or "?"), why, number if isinstance(number, int) else 0)


def _policy(value: Mapping[str, Any]) -> Policy:
    _refuse_unknown(value, _FIELDS, "field")
    kind = KINDS[_index(value.get("policyType") or 0)]
    resources = [value.get("resources"), *(value.get("additionalResources") or ())]
    return Policy(
        name=_text(value["name"]), kind=kind, resources=tuple(_resource(one) for one in resources if one),
        allow=_lines(value.get(LISTS[KINDS.index(kind)]), is_ordered=kind != "access"),
        deny=_lines(value.get("denyPolicyItems")), allow_except=_lines(value.get("allowExceptions")),
        deny_except=_lines(value.get("denyExceptions")), description=_text(value.get("description") or ""),
        is_enabled=value.get("isEnabled") is not False, is_audited=value.get("isAuditEnabled") is not False,
        overrides=value.get("policyPriority") == OVERRIDE, denies_all_else=bool(value.get("isDenyAllElse")),
        conditions=_conditions(value.get("conditions")), labels=_names(value.get("policyLabels")),
        validity=tuple(sorted(as_json(_full(one)) for one in value.get("validitySchedules") or ())),
        zone=_text(value.get("zoneName") or ""), number=int(value.get("id") or 0), version=int(value.get("version") or 0),
        origin=_origin(value),
    )  # fmt: skip


def json_of(policy: Policy, service: str, service_kind: str) -> dict[str, Any]:
    """What Ranger is sent for a policy."""
    import json

    first, *others = ({name: _values_json(values) for name, values in resource} for resource in policy.resources)
    made: dict[str, Any] = {
        "service": service, "serviceType": service_kind, "name": policy.name, "policyType": KINDS.index(policy.kind),
        "policyPriority": int(policy.overrides), "description": policy.description, "isEnabled": policy.is_enabled,
        "isAuditEnabled": policy.is_audited, "resources": first, "isDenyAllElse": policy.denies_all_else,
        "conditions": _conditions_json(policy.conditions), "policyLabels": list(policy.labels),
        "validitySchedules": [json.loads(one) for one in policy.validity],
        LISTS[KINDS.index(policy.kind)]: _lines_json(policy.allow), "denyPolicyItems": _lines_json(policy.deny),
        "allowExceptions": _lines_json(policy.allow_except), "denyExceptions": _lines_json(policy.deny_except),
    }  # fmt: skip
    optional = {"additionalResources": others, "zoneName": policy.zone, "id": policy.number, "version": policy.version}
    made |= {name: value for name, value in optional.items() if value}
    if policy.origin:
        made["options"] = _origin_json(policy.origin)
    return made


def facts_of(definition: Mapping[str, Any]) -> Facts:
    """What a service definition knows."""
    masks = (definition.get("dataMaskDef") or {}).get("maskTypes") or ()
    return Facts(
        kind=str(definition["name"]),
        accesses=frozenset(one["name"] for one in definition.get("accessTypes") or ()),
        parts=frozenset(one["name"] for one in definition.get("resources") or ()),
        masks=frozenset(one["name"] for one in masks),
        conditions=frozenset(one["name"] for one in definition.get("policyConditions") or ()),
    )


def role_of(value: Mapping[str, Any]) -> tuple[str, Who]:
    """The name of a role and who is in it."""
    users, groups, roles = (
        _names(one["name"] for one in value.get(kind) or ()) for kind in ("users", "groups", "roles")
    )
    return str(value["name"]), Who(users, groups, roles)


def kept_role_of(value: Mapping[str, Any]) -> Role:
    """A role as it is kept: with its number, who may put others in, and where it comes from."""
    name, who = role_of(value)
    admins = (
        _names(one["name"] for one in value.get(kind) or () if one.get("isAdmin"))
        for kind in ("users", "groups", "roles")
    )
    return Role(name, who, Who(*admins), int(value.get("id") or 0), _origin_in(value))


def role_json(role: Role) -> dict[str, Any]:
    """What Ranger is sent for a role."""
    made: dict[str, Any] = {
        "name": role.name,
        "description": "Follows a role of another Ranger or of Sentry.",
        "options": {},
    }
    for kind in ("users", "groups", "roles"):
        admins = getattr(role.grantors, kind)
        made[kind] = [{"name": name, "isAdmin": name in admins} for name in getattr(role.who, kind)]
    if role.number:
        made["id"] = role.number
    if role.origin:
        made["options"] = _origin_json(role.origin)
    return made


def zone_of(value: Mapping[str, Any], service: str) -> SecurityZone | None:
    """A security zone, where it holds resources of the service."""
    resources = ((value.get("services") or {}).get(service) or {}).get("resources") or ()
    made = tuple(
        # Paths of zones take what lies below (RangerZoneResourceMatcher).
        resource_of({part: Values(tuple(values), recursive=part in BELOW) for part, values in one.items()})
        for one in resources
    )
    return SecurityZone(str(value["name"]), made) if made else None


def tagged_of(value: Mapping[str, Any]) -> list[Tagged]:
    """Resources that bear tags, of what Ranger tells a plug-in of the tags of a service (``ServiceTags``).

    Raises:
        Malformed: It is something else.
    """
    try:
        tags = {
            str(number): tag for number, tag in (value.get("tags") or {}).items() if tag.get("isEnabled") is not False
        }
        borne = {str(number): found for number, found in (value.get("resourceToTagIds") or {}).items()}
        return [
            _tagged(one["resourceElements"], [tags[str(tag)] for tag in borne.get(str(one["id"]), ()) if str(tag) in tags])
            for one in value.get("serviceResources") or () if one.get("isEnabled") is not False
        ]  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Malformed(f"no tags of a service: {type(error).__name__}: {error}") from None


def _tagged(resource: Mapping[str, Any], tags: Iterable[Mapping[str, Any]]) -> Tagged:
    named = [(_text(tag["type"]), bool(tag.get("validityPeriods"))) for tag in tags]
    always, at_times = (frozenset(name for name, is_timed in named if is_timed == which) for which in (False, True))
    return Tagged(_resource(resource), always, at_times)


# ---- parts


def _resource(value: Mapping[str, Any]) -> Resource:
    parts = {}
    for name, one in value.items():
        values = _names(one["values"])
        if not values or not all(values):
            raise Malformed(f"its {name} has no values")
        parts[name] = Values(values, bool(one.get("isExcludes")), bool(one.get("isRecursive")))
    return resource_of(parts)


def _lines(values: Iterable[Mapping[str, Any]] | None, *, is_ordered: bool = False) -> tuple[Grant, ...]:
    lines = [_line(one) for one in values or ()]
    return tuple(lines if is_ordered else sorted(lines, key=repr))


def _line(value: Mapping[str, Any]) -> Grant:
    _refuse_unknown(value, _LINE, "part of a line")
    mask, row_filter = value.get("dataMaskInfo") or {}, value.get("rowFilterInfo") or {}
    return Grant(
        Who(*(_names(value.get(kind)) for kind in ("users", "groups", "roles"))),
        _names(one["type"] for one in value.get("accesses") or () if one.get("isAllowed") is not False),
        bool(value.get("delegateAdmin")), _conditions(value.get("conditions")), _text(mask.get("dataMaskType") or ""),
        _text(mask.get("valueExpr") or ""), _text(mask.get("conditionExpr") or ""), _text(row_filter.get("filterExpr") or ""),
    )  # fmt: skip


def _lines_json(lines: Iterable[Grant]) -> list[dict[str, Any]]:
    return [_line_json(line) for line in lines]


def _line_json(line: Grant) -> dict[str, Any]:
    made: dict[str, Any] = {
        "users": list(line.who.users), "groups": list(line.who.groups), "roles": list(line.who.roles),
        "accesses": [{"type": one, "isAllowed": True} for one in line.accesses],
        "delegateAdmin": line.may_grant, "conditions": _conditions_json(line.conditions),
    }  # fmt: skip
    if line.mask:
        mask = {"dataMaskType": line.mask, "valueExpr": line.mask_expression, "conditionExpr": line.mask_condition}
        made["dataMaskInfo"] = {name: value for name, value in mask.items() if value}
    if line.row_filter:
        made["rowFilterInfo"] = {"filterExpr": line.row_filter}
    return made


def _conditions(values: Iterable[Mapping[str, Any]] | None) -> tuple[Condition, ...]:
    return tuple(sorted((Condition(_text(one["type"]), _names(one.get("values"))) for one in values or ()), key=repr))


def _conditions_json(conditions: Iterable[Condition]) -> list[dict[str, Any]]:
    return [{"type": one.kind, "values": list(one.values)} for one in conditions]


def _values_json(values: Values) -> dict[str, Any]:
    return {"values": list(values.values), "isExcludes": values.excludes, "isRecursive": values.recursive}


def _origin_json(origin: Origin) -> dict[str, Any]:
    return {OURS: {"sync": origin.sync, "policy": origin.policy, "digest": origin.digest}}


def _origin(value: Mapping[str, Any]) -> Origin | None:
    return _origin_in(value) if OURS in (value.get("policyLabels") or ()) else None


def _origin_in(value: Mapping[str, Any]) -> Origin | None:
    kept = (value.get("options") or {}).get(OURS)
    if not isinstance(kept, Mapping):
        return None
    sync, policy, digest = (kept.get(name) for name in ("sync", "policy", "digest"))
    return Origin(str(sync), str(policy), str(digest)) if sync and policy else None


def _refuse_unknown(value: Mapping[str, Any], known: frozenset[str], what: str) -> None:
    unknown = sorted(name for name, one in value.items() if name not in known and one)
    if unknown:  # it may say who is denied
        raise Malformed(f"it has a {what} that is not known here: {', '.join(unknown)}")


def _full(value: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is empty, which Ranger may leave out or not."""
    return {name: one for name, one in value.items() if one not in (None, "", [])}


def _names(values: Iterable[Any] | None) -> tuple[str, ...]:
    if isinstance(values, str):
        raise Malformed(f"a text where there should be a list: {values!r}")
    return tuple(sorted({_text(one) for one in values or ()}))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Malformed(f"no text: {value!r}")
    return value


def _index(value: Any) -> int:
    if value not in (0, 1, 2):
        raise Malformed(f"a policy of type {value!r} is not known here")
    return int(value)
