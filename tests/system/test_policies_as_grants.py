"""What grants let people do, against the answers of Ranger's real policy engine: never more, and what is not reported is allowed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from airflow_provider_livedata.engine import PolicySyncOptions
from airflow_provider_livedata.engine.policies import lake_formation, unity_catalog
from airflow_provider_livedata.engine.policies.grants import granted
from airflow_provider_livedata.engine.policies.model import Facts, Policy
from airflow_provider_livedata.engine.policies.permissions import EVERY, Granted, Language, Permission, Place
from airflow_provider_livedata.engine.policies.ranger_json import policy_of, role_of
from airflow_provider_livedata.engine.policies.translate import Translator
from tests.services.ranger_engine import Question, RangerEngine
from tests.system.policy_common import ROLES, USERS, Json, line, some_policies, table

ROUNDS = 40
ACCESSES = ("select", "select", "update", "drop", "alter", "create", "all")
FACTS = Facts("hive", frozenset(ACCESSES), frozenset({"database", "table", "column"}))
TABLES = {"sales": {"t1": ("c", "d"), "x": ("c", "d")}, "hr": {"t2": ("c", "d")}}
LANGUAGES = {
    "lake formation": replace(lake_formation.LANGUAGE, problem_with=lambda name: ""), "unity catalog": unity_catalog.LANGUAGE
}  # fmt: skip
ACCESS_OF = {
    "SELECT": "select", "INSERT": "update", "DELETE": "update", "MODIFY": "update", "ALTER": "alter", "DROP": "drop", "CREATE_TABLE": "create",
    "CREATE TABLE": "create",
}  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> Iterator[RangerEngine]:
    with RangerEngine() as started:
        yield started


def some_place(chance: random.Random) -> Json:
    """Of columns mostly, now and then of tables or a database alone."""
    found = table(
        chance.choice(["sales", "sales", "*", "s*", "sales hr", "?r"]), chance.choice(["*", "*", "*", "t1", "t*", "T1 x"]),
        chance.choice(["*", "*", "*", "*", "c", "d*"]),
    )  # fmt: skip
    for _ in range(chance.choice([0, 0, 0, 0, 0, 1, 2])):
        found.popitem()
    return found


def round_of(chance: random.Random) -> list[Json]:
    """Somebody is allowed something, and policies at random."""
    allowed = {
        "name": "allowed", "resources": table("sales"),
        "policyItems": [line(chance.choice(["select", "select update", "all"]), users="bob zoe", groups="bi etl")],
    }  # fmt: skip
    return [allowed, *some_policies(chance, chance.randint(0, 3), some_place, ACCESSES)]


def may(permission: Permission, user: str, groups: tuple[str, ...]) -> list[Question]:
    """What a grant lets somebody do, as the plug-in in Hive would ask; tables and columns to come included."""
    place, access = permission.place, ACCESS_OF.get(permission.privilege, "")
    if not access or permission.principal not in (user, *groups, "account users"):
        return []
    named = [("database", place.database)]
    if not place.table and access != "create":
        return [Question(user, groups, tuple(named), access)]
    tables = [*TABLES[place.database], "later"] if place.table in ("", EVERY) else [place.table]
    columns = [place.column] if place.column else ["c", "d", "later"]
    found = []
    for one in tables:
        at = (*named, ("table", one))
        resources = [(*at, ("column", column)) for column in columns] if access == "select" else [at]
        found += [Question(user, groups, resource, access) for resource in resources]
    return found


def as_grants(policies: list[Json], language: Language) -> Granted:
    """As a sync would find them."""
    options = PolicySyncOptions(databases={name: name for name in TABLES})
    translator = Translator(options, FACTS, dict(map(role_of, ROLES)), ())
    read = [one for one in map(policy_of, policies) if isinstance(one, Policy)]
    assert len(read) == len(policies)
    made = [translated.policy for one in read if (translated := translator.translate(one)).policy]
    existing = {
        name: {one: columns if language.grants_columns else () for one, columns in tables.items()}
        for name, tables in TABLES.items()
    }
    return granted(made, existing, language)


@pytest.mark.parametrize("spoken", sorted(LANGUAGES))
def test_no_grant_lets_anybody_do_what_rangers_engine_denies(engine: RangerEngine, spoken: str) -> None:
    service_def, asked = engine.service_def("hive"), 0
    for seed in range(ROUNDS):
        policies = round_of(random.Random(seed))
        found = as_grants(policies, LANGUAGES[spoken]).permissions
        questions = [question for person in USERS.items() for one in found for question in may(one, *person)]
        answers = engine.answers(service_def, policies, ROLES, questions)
        wrong = [question for question, is_allowed in zip(questions, answers, strict=True) if not is_allowed]
        assert wrong == [], f"seed {seed}: {policies}"
        asked += len(questions)
    assert asked > 1000


@pytest.mark.parametrize("spoken", sorted(LANGUAGES))
def test_what_rangers_engine_allows_is_granted_or_reported(engine: RangerEngine, spoken: str) -> None:
    language, service_def, allowed = LANGUAGES[spoken], engine.service_def("hive"), 0
    for seed in range(ROUNDS):
        policies = round_of(random.Random(seed))
        found = as_grants(policies, language)
        questions = [
            Question(user, groups, (("database", database), ("table", name), *more), access)
            for user, groups in USERS.items() for database, tables in TABLES.items() for name, columns in tables.items()
            for access in language.tables for more in ([(("column", one),) for one in columns] if access == "select" else [()])
        ]  # fmt: skip
        for question, is_allowed in zip(
            questions, engine.answers(service_def, policies, ROLES, questions), strict=True
        ):
            allowed += is_allowed
            assert not is_allowed or _is_told(question, found, language), f"seed {seed}: {question} {policies}"
    assert allowed > 500


def _is_told(question: Question, found: Granted, language: Language) -> bool:
    names = {question.user, *question.groups, "account users", "public"}
    at = dict(question.resource)
    inner = Place(at["database"], at["table"], at.get("column", ""))
    outer = {inner, Place(inner.database, inner.table), Place(inner.database, EVERY)}
    has = {
        one.place
        for one in found.permissions
        if one.principal in names and one.privilege in language.tables[question.access]
    }
    lost = {one.place for one in found.lost if one.principal in names and one.access == question.access}
    return bool(outer & (has | lost))
