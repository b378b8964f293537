"""What a target of grants has to have, of all that the source has. Reads both sides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.policies.base import GrantTarget, PolicySource
from airflow_provider_livedata.engine.policies.grant_plan import GrantPlan, Record, compare
from airflow_provider_livedata.engine.policies.grants import granted, told
from airflow_provider_livedata.engine.policies.model import Broken, Facts, Policy
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.security_zones import narrowed
from airflow_provider_livedata.engine.policies.translate import Translator
from airflow_provider_livedata.engine.policies.verdicts import IMPLIED
from airflow_provider_livedata.engine.policies.wanted import translated, with_tags
from airflow_provider_livedata.engine.policies.wanted_guards import GuardsAt


def planned_grants(source: PolicySource, target: GrantTarget, options: PolicySyncOptions, record: Record) -> GrantPlan:
    """The plan, not guarded yet.

    Raises:
        BadInput: The source's policies, or what is asked for, cannot become grants.
        PolicyStoreError: A side does not answer, or refuses what is needed.
    """
    _refuse(source, target, options)
    plan, unclear = GrantPlan(sync=options.sync or source.name), set[str]()
    zones = source.zones()
    policies = list(with_tags(source, "hive", zones, source.tag_policies(), options, plan))
    translator = Translator(options, _facts(policies), source.roles(), {zone.name for zone in zones})
    made = [replace(one, name=policy.name) for policy, one in translated(policies, translator, plan, unclear)]
    databases = set(options.scope.databases.values())
    existing = target.existing(databases)
    guards = GuardsAt(target, existing, record, options, plan)
    guards.read(made, translator.nameless)
    found = granted(made, existing, target.language, narrowed(zones, options.scope), guards.said, guards.rows)
    plan.lost += [*found.notes, *told(found.lost)]
    plan.notes += [
        f"{name} is not at the target: nothing is granted in it" for name in sorted(databases - set(existing))
    ]
    plan.notes += target.unprotected(databases)
    places = {one.place for one in found.permissions} | record.places
    compare(found.permissions, target.granted(places) if places else (), record, options, plan)
    guards.place_steps(is_clear=not unclear)
    return plan


def _refuse(source: PolicySource, target: GrantTarget, options: PolicySyncOptions) -> None:
    kind = source.facts().kind
    if kind != "hive":
        raise BadInput(
            f"only policies of Hive can become grants of {target.language.name}: it has none on paths",
            source=f"{source.name}: {kind}",
        )
    if not options.databases:
        raise BadInput("grants are of databases: name the replicated databases", target=target.name)
    if options.roles_as != "members":
        raise BadInput(
            f"{target.language.name} has no roles of Ranger; set roles_as to 'members'", roles_as=options.roles_as
        )


def _facts(policies: Iterable[Policy | Broken]) -> Facts:
    """All that the policies name comes through, but for conditions: what it becomes is decided on grants."""
    known = [one for one in policies if isinstance(one, Policy)]
    lines = [line for one in known for line in (*one.allow, *one.deny, *one.allow_except, *one.deny_except)]
    accesses = {access for line in lines for access in line.accesses} | set(IMPLIED)
    parts = {part for one in known for resource in one.resources for part, _ in resource}
    return Facts("hive", frozenset(accesses), frozenset(parts), frozenset(line.mask for line in lines))
