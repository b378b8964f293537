"""Ranger's own policy engine (``ranger-plugins-common`` 2.6.0), as its plug-ins run it: who may do what under given policies.

    with RangerEngine() as engine:
        engine.answers(engine.service_def("hive"), policies, roles, [Question("ann", (), (("database", "sales"),), "select")])

Policies, roles and zones are JSON as Ranger Admin's REST gives them. What it does not show: Ranger Admin, a plug-in in Hive or HDFS (which asks several
such questions for one statement), and policies that depend on time zones, scripts or user attributes.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.services import fetch, ranger_validator
from tests.services.processes import ServerFailed
from tests.services.py4j import JvmService, quoted
from tests.services.ranger_validator import java_class, parsed
from tests.services.scratch import Scratch

Json = dict[str, Any]

_RANGER = "org.apache.ranger"
_UTIL = f"{_RANGER}.plugin.util"
_JACKSON = "com.fasterxml.jackson"
_POLICY_ENGINE = f"{_RANGER}.plugin.policyengine"
_ACCESS, _MASK, _ROW_FILTER = 0, 1, 2  # RangerPolicy.POLICY_TYPE_*
_NOT_WANTED = (
    "serviceDef",
    "request",
    "accessRequest",
    "maskTypeDef",
    "additionalInfo",
)  # of a result: large, and we have them


@dataclass(frozen=True)
class Question:
    """May this user do this to this resource? The engine adds the roles; the group ``public`` is everybody's."""

    user: str
    groups: tuple[str, ...]
    resource: tuple[tuple[str, str], ...]  # (("database", "sales"), ("table", "orders"))
    access: str  # a name of the service-def, or "_any"


@dataclass(frozen=True)
class Tags:
    """Policies by tags, as Ranger Admin's REST gives them, and the tags of the service's resources (``ServiceTags``)."""

    policies: Sequence[Json]
    borne: Json


class RangerEngine(JvmService):
    """One JVM; gone when the context ends. Each call makes an engine of its own from what it is given."""

    what = "Ranger's engine"

    def __init__(self) -> None:
        super().__init__(Scratch("ranger", need_bytes=256 << 20), fetch.ranger_lib())
        self.options = ["-Xmx400m", f"-Djava.io.tmpdir={self.data_dir}"]
        self._mapper = self._requests = self._options = ""

    def service_def(self, kind: str) -> Json:
        """A service-def that Ranger comes with: ``hive``, ``hdfs``."""
        return service_def(kind)

    def answers(
        self, service_def: Json, policies: Sequence[Json], roles: Sequence[Json], questions: Sequence[Question],
        *, zones: Sequence[Json] = (), tags: Tags | None = None,
    ) -> list[bool]:  # fmt: skip
        """Say for each question whether the access is allowed."""
        results = self._evaluate(_ACCESS, service_def, policies, roles, questions, zones, tags)
        return [bool(result["isAllowed"]) for result in results]

    def masks(
        self, service_def: Json, policies: Sequence[Json], roles: Sequence[Json], questions: Sequence[Question],
        *, zones: Sequence[Json] = (), tags: Tags | None = None,
    ) -> list[str | None]:  # fmt: skip
        """The mask that each question's user sees: its type, for a custom one ``CUSTOM:expression``, None without a mask.

        ``MASK_NONE`` is told as it is, apart from None: a policy says that nothing is masked.
        """
        results = self._evaluate(_MASK, service_def, policies, roles, questions, zones, tags)
        return [_mask(result) for result in results]

    def row_filters(
        self, service_def: Json, policies: Sequence[Json], roles: Sequence[Json], questions: Sequence[Question],
        *, zones: Sequence[Json] = (),
    ) -> list[str | None]:  # fmt: skip
        """The expression that filters the rows which each question's user sees, or None."""
        results = self._evaluate(_ROW_FILTER, service_def, policies, roles, questions, zones)
        return [result.get("filterExpr") or None for result in results]

    def invalid(self, service_def: Json, policy: Json) -> list[str]:
        """What Ranger's ``RangerPolicyValidator`` says against a policy: its resources, their flags, its items and accesses.

        What only Ranger Admin's store can say is not asked: whether service and zone are there, names and resources not taken.
        """
        return ranger_validator.invalid(self.gateway, service_def, policy)

    def _evaluate(
        self, kind: int, service_def: Json, policies: Sequence[Json], roles: Sequence[Json],
        questions: Sequence[Question], zones: Sequence[Json], tags: Tags | None = None,
    ) -> list[Json]:  # fmt: skip
        """What ``RangerAccessResult`` says to each question: a dozen calls into the JVM, however many the questions."""
        if not questions:
            return []
        used: list[str] = []
        try:
            engine = self._engine(used, service_def, policies, roles, zones, tags)
            asked = json.dumps([_request(question) for question in questions])
            used.append(self._call(self._mapper, "readValue", quoted(asked), f"r{self._requests}"))
            used.append(self._call(engine, "evaluatePolicies", f"r{used[-1]}", f"i{kind}", "n"))
            told: list[Json] = json.loads(self._call(self._mapper, "writeValueAsString", f"r{used[-1]}"))
            self._call(engine, "releaseResources", "btrue")
        finally:
            self.gateway.forget(*used)
        if len(told) != len(questions):
            raise ServerFailed(f"{len(questions)} questions, {len(told)} answers")
        return told

    def _engine(
        self, used: list[str], service_def: Json, policies: Sequence[Json], roles: Sequence[Json], zones: Sequence[Json],
        tags: Tags | None,
    ) -> str:  # fmt: skip
        service, kind = _service(policies, zones), service_def["name"]
        given = _service_policies(service, service_def, policies, zones)
        if tags is not None:
            given["tagPolicies"] = self._tag_policies(tags, service, service_def)
        self.gateway.set_field(self._options, "disableTagRetriever", "bfalse" if tags is not None else "btrue")
        had_by = {"serviceName": service, "roleVersion": 1, "rangerRoles": list(roles)}
        names = [quoted(one) for one in (kind, service, "tests")]
        made = [
            parsed(self.gateway, given, f"{_UTIL}.ServicePolicies"),
            parsed(self.gateway, had_by, f"{_UTIL}.RangerRoles"),
        ]
        used += made
        config = f"{_RANGER}.authorization.hadoop.config.RangerPluginConfig"
        used.append(self.gateway.new(config, *names, "n", "n", f"r{self._options}"))
        used.append(self.gateway.new(f"{_POLICY_ENGINE}.RangerPluginContext", f"r{used[-1]}"))
        parts = [f"r{one}" for one in (made[0], used[-1], made[1])]
        used.append(self.gateway.new(f"{_POLICY_ENGINE}.RangerPolicyEngineImpl", *parts))
        return used[-1]

    def _tag_policies(self, tags: Tags, service: str, service_def: Json) -> Json:
        """What Ranger Admin gives a plug-in of policies by tags; the tags come by Ranger's own reader of files in place of its requests."""
        path = self.data_dir / "tags.json"
        path.write_text(json.dumps({"op": "add_or_update", "tagVersion": 1, **tags.borne, "serviceName": service}))
        whole = tag_service_def(service_def)
        whole["contextEnrichers"][0]["enricherOptions"] = {
            "tagRetrieverClassName": f"{_RANGER}.plugin.contextenricher.RangerFileBasedTagRetriever",
            "serviceTagsFileName": str(path), "tagRefresherPollingInterval": "3600000",
        }  # fmt: skip
        numbered = [{"id": number, "service": "tags", **one} for number, one in enumerate(tags.policies, 100_001)]
        return {
            "serviceName": "tags", "serviceId": 2, "policyVersion": 1, "serviceDef": whole, "auditMode": "audit-none", "policies": numbered,
        }  # fmt: skip

    def _open(self) -> None:
        """Teach Jackson, which Ranger brings, to read all requests at once and to write all results at once."""
        new, call = self.gateway.new, self._call
        self._options = new(f"{_POLICY_ENGINE}.RangerPolicyEngineOptions")
        for name in ("disablePolicyRefresher", "disableTagRetriever", "disableUserStoreRetriever"):
            self.gateway.set_field(self._options, name, "btrue")
        for name in ("cacheAuditResults", "enableResourceMatcherReuse"):
            self.gateway.set_field(self._options, name, "bfalse")
        self._mapper = new(f"{_JACKSON}.databind.ObjectMapper")
        resource = [self._class(f"{_POLICY_ENGINE}.RangerAccessResource{end}") for end in ("", "Impl")]
        resolver, module = (
            new(f"{_JACKSON}.databind.module.Simple{end}") for end in ("AbstractTypeResolver", "Module")
        )
        call(resolver, "addMapping", *resource)
        call(module, "setAbstractTypes", f"r{resolver}")
        call(self._mapper, "registerModule", f"r{module}")
        fields = call(f"z:{_JACKSON}.annotation.PropertyAccessor", "valueOf", quoted("FIELD"))
        any_ = call(f"z:{_JACKSON}.annotation.JsonAutoDetect$Visibility", "valueOf", quoted("ANY"))
        call(self._mapper, "setVisibility", f"r{fields}", f"r{any_}")
        names = call(f"z:{_RANGER}.authorization.utils.JsonUtils", "jsonToSetString", quoted(json.dumps(_NOT_WANTED)))
        ignored = f"z:{_JACKSON}.annotation.JsonIgnoreProperties$Value"
        ignored = call(ignored, "forIgnoredProperties", f"r{names}")
        results = call(self._mapper, "configOverride", self._class(f"{_POLICY_ENGINE}.RangerAccessResult"))
        call(results, "setIgnorals", f"r{ignored}")
        kinds = [self._class("java.util.ArrayList"), self._class(f"{_POLICY_ENGINE}.RangerAccessRequestImpl")]
        self._requests = call(call(self._mapper, "getTypeFactory"), "constructCollectionType", *kinds)

    def _class(self, name: str) -> str:
        return "r" + java_class(self.gateway, name)

    def _call(self, target: str, method: str, *arguments: str) -> str:
        return self.gateway.call(target, method, *arguments)


def service_def(kind: str) -> Json:
    """A service-def that Ranger comes with; no JVM is needed."""
    with zipfile.ZipFile(fetch.ranger_lib() / f"ranger-plugins-common-{fetch.RANGER_VERSION}.jar") as jar:
        found: Json = json.loads(jar.read(f"service-defs/ranger-servicedef-{kind}.json"))
        return found


def tag_service_def(*of: Json) -> Json:
    """The service-def of tags as Ranger Admin completes it: with the accesses and masks of other services, their names before them."""
    whole = service_def("tag")
    whole["accessTypes"] = [
        {**one, "itemId": 1000 * number + one.get("itemId", 0), "name": f"{kind['name']}:{one['name']}",
         "impliedGrants": [f"{kind['name']}:{name}" for name in one.get("impliedGrants") or ()]}
        for number, kind in enumerate(of, 1) for one in kind["accessTypes"]
    ]  # fmt: skip
    masking = [(number, kind, kind.get("dataMaskDef") or {}) for number, kind in enumerate(of, 1)]
    whole["dataMaskDef"] = {
        "resources": whole["resources"],
        **{
            field: [
                {**one, "itemId": 1000 * number + one.get("itemId", 0), "name": f"{kind['name']}:{one['name']}"}
                for number, kind, mask in masking for one in mask.get(field) or ()
            ]
            for field in ("maskTypes", "accessTypes")
        },
    }  # fmt: skip
    return whole


def _request(question: Question) -> Json:
    return {
        "resource": {"elements": dict(question.resource)}, "accessType": question.access,
        "user": question.user, "userGroups": question.groups, "userRoles": (),
    }  # fmt: skip


def _service(policies: Sequence[Json], zones: Sequence[Json]) -> str:
    """The one service whose policies these are."""
    named = {policy["service"] for policy in policies if policy.get("service")}
    named = named or {service for zone in zones for service in zone["services"]}
    if len(named) > 1:
        raise ValueError(f"policies of more than one service: {sorted(named)}")
    return named.pop() if named else "service"


def _service_policies(service: str, service_def: Json, policies: Sequence[Json], zones: Sequence[Json]) -> Json:
    """What Ranger Admin gives a plug-in: each zone's policies beside its resources, and the rest."""
    known = {policy["id"] for policy in policies if policy.get("id")}
    free = iter(range(1, len(policies) + len(known) + 1))
    unused = (number for number in free if number not in known)
    whole = [{"service": service, **policy, "id": policy.get("id") or next(unused)} for policy in policies]
    zoned = {zone["name"]: zone["services"].get(service) for zone in zones}
    lost = {policy["zoneName"] for policy in whole if policy.get("zoneName")} - zoned.keys()
    if lost:
        raise ValueError(f"policies of zones that were not given: {sorted(lost)}")
    return {
        "serviceName": service, "serviceId": 1, "policyVersion": 1, "serviceDef": service_def,
        "auditMode": "audit-none", "policies": [policy for policy in whole if not policy.get("zoneName")],
        "securityZones": {
            name: {
                "zoneName": name, "resources": resources["resources"], "containsAssociatedTagService": False,
                "policies": [policy for policy in whole if policy.get("zoneName") == name],
            }
            for name, resources in zoned.items() if resources is not None
        },
    }  # fmt: skip


def _mask(result: Json) -> str | None:
    kind = result.get("maskType") or None
    return f"CUSTOM:{result.get('maskedValue')}" if kind == "CUSTOM" else kind
