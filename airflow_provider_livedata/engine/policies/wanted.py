"""What the target has to have, of all that the source has; and what it cannot have. Reads both sides."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.policies.base import PolicySource, PolicyTarget
from airflow_provider_livedata.engine.policies.model import Broken, Facts, Policy, Role, SecurityZone, Who, as_json
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.plan import PolicyPlan, S, SyncPlan, compare
from airflow_provider_livedata.engine.policies.roles import add_roles, mirrored
from airflow_provider_livedata.engine.policies.security_zones import compared
from airflow_provider_livedata.engine.policies.tags import by_resources
from airflow_provider_livedata.engine.policies.translate import Inexpressible, Translator

KINDS = ("hive", "hdfs")


@dataclass(frozen=True, slots=True)
class Around:
    """What holds for all policies, of both sides, read once a run."""

    facts: Facts  # of the target
    roles: Mapping[str, Who]
    zones: list[SecurityZone]
    target_zones: list[SecurityZone]
    tag_policies: list[Policy | Broken]
    target_roles: list[Role] = field(default_factory=list)  # where roles are mirrored

    def digest(self) -> str:
        """Of what a service's version does not tell."""
        roles = {name: [who.users, who.groups, who.roles] for name, who in self.roles.items()}
        zones = [sorted(repr(zone) for zone in side) for side in (self.zones, self.target_zones)]
        theirs = sorted(repr(replace(role, number=0)) for role in self.target_roles)
        tags = sorted(f"{one.key} {one!r}" for one in self.tag_policies)
        return hashlib.sha256(as_json([roles, zones, tags, theirs]).encode()).hexdigest()[:32]


def around(source: PolicySource, target: PolicyTarget, options: PolicySyncOptions) -> Around:
    """Read it.

    Raises:
        BadInput: The two services are not of one kind, or what is replicated does not fit it.
        PolicyStoreError: A side does not answer, or refuses what is needed.
    """
    facts = same_kind(source, target, options)
    roles = source.roles() if options.roles_as != "keep" else {}
    theirs = target.kept_roles() if options.roles_as == "mirror" else []
    return Around(facts, roles, source.zones(), target.zones(), source.tag_policies(), theirs)


def planned(source: PolicySource, target: PolicyTarget, options: PolicySyncOptions, found: Around) -> PolicyPlan:
    """The plan, not guarded yet.

    Raises:
        PolicyStoreError: A side does not answer, or refuses what is needed.
    """
    plan, unclear = PolicyPlan(), set[str]()
    target_zones = {zone.name for zone in found.target_zones}
    zones = compared(found.zones, found.target_zones, options.scope)
    plan.widening += zones.wrong
    plan.notes += zones.notes
    is_mirror, owner = options.roles_as == "mirror", options.sync or source.home
    mirror = mirrored(found.roles if is_mirror else {}, options, found.target_roles, owner)
    translator = Translator(options, found.facts, found.roles, target_zones, mirror.names)
    told = with_tags(source, found.facts.kind, found.zones, found.tag_policies, options, plan)
    wanted = {
        policy.key: replace(made, description=_described(policy, source))
        for policy, made in translated(told, translator, plan, unclear)
    }
    held = list(target.policies())
    compare(wanted, held, options, options.sync or source.name, plan, frozenset(unclear))
    if is_mirror:
        add_roles(mirror, found.target_roles, held, options, owner, plan)
        flattened = sorted(translator.flattened)
        plan.notes += [
            f"role {name}: who is in it is named in its place, since {mirror.why_not[name]}" for name in flattened
        ]
    return plan


def same_kind(source: PolicySource, target: PolicySource, options: PolicySyncOptions) -> Facts:
    """What the target knows.

    Raises:
        BadInput: The two services are not of one kind, or of one that is not known here, or what is replicated does not fit it.
    """
    facts, theirs = target.facts(), source.facts()
    if facts.kind != theirs.kind or facts.kind not in KINDS:
        raise BadInput(
            f"policies go from a service to one of the same kind, {' or '.join(KINDS)}", source=f"{source.name}: {theirs.kind}",
            target=f"{target.name}: {facts.kind}",
        )  # fmt: skip
    if problem := options.scope.problem_for(facts.kind):
        raise BadInput(problem, target=target.name)
    return facts


def translated(
    policies: Iterable[Policy | Broken], translator: Translator, plan: SyncPlan[S], unclear: set[str]
) -> Iterator[tuple[Policy, Policy]]:
    """Policies of the source, each with what it is at the target; what cannot be is told to the plan, and named in ``unclear``."""
    for policy in policies:
        plan.seen += 1
        if isinstance(policy, Broken):
            (plan.failures if policy.only_allows else plan.widening).append(
                f"{policy.name}: cannot be read: {policy.why}"
            )
            unclear.add(policy.key)
            continue
        try:
            made = translator.translate(policy)
        except Inexpressible as error:
            (plan.widening if policy.restricts or policy.zone else plan.failures).append(f"{policy.name}: {error}")
            unclear.add(policy.key)
            continue
        plan.lost += [f"{policy.name}: {text}" for text in made.lost]
        if made.policy is not None:
            yield policy, made.policy


def _described(policy: Policy, source: PolicySource) -> str:
    return f"{policy.description}{' ' if policy.description else ''}[of policy {policy.key} of {source.name}]"


def with_tags(
    source: PolicySource, kind: str, zones: Sequence[SecurityZone], by_tags: Sequence[Policy | Broken], options: PolicySyncOptions,
    plan: SyncPlan[S],
) -> Iterable[Policy | Broken]:  # fmt: skip
    """The source's policies, with those by tags as policies of resources if that is asked for; else the plan is told of them."""
    if not by_tags:
        return source.policies()
    if options.tags == "resolve":
        policies = list(source.policies())
        return [*policies, *by_resources(by_tags, source.tagged(), options.scope, kind=kind, zones=zones, own=policies)]
    named = ", ".join(one.name for one in by_tags[:3])
    text = (
        f"{len(by_tags)} policies by tags hold for the source's service ({named}{', ...' if len(by_tags) > 3 else ''}); they are not carried "
        "over, and what they deny is not denied"
    )
    if options.tags == "stop":
        plan.widening.append(f"{text}; set tags to 'resolve', or to 'leave_out' where that is meant")
    else:
        plan.notes.append(text)
    return source.policies()
