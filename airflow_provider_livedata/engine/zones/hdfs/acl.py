"""ACLs as text, in the order and form of ``hdfs dfs -getfacl``. Pure.

An entry's ``acl`` holds what the mode cannot: ``user:ann:rw-,group::r--,default:user::rwx,default:group::r-x,...``. Where
named entries are, the mode's group bits are the mask, so the group's own rights (``group::``) are among them; the owner's
and others' rights are in the mode alone. "" is: no ACL. Source: HDFS Permissions Guide, "ACLs"; AclStorage of HDFS.
"""

from __future__ import annotations

from typing import NamedTuple

from airflow_provider_livedata.engine.errors import BadOption

_TYPES = ("user", "group", "mask", "other")


class AclRule(NamedTuple):
    """One entry of an ACL: ``scope`` is "access" or "default", ``type`` one of user, group, mask, other."""

    scope: str
    type: str
    name: str
    permissions: str

    def __str__(self) -> str:
        default = "default:" if self.scope == "default" else ""
        return f"{default}{self.type}:{self.name}:{self.permissions}"

    @property
    def order(self) -> tuple[bool, int, bool, str]:
        """As HDFS sorts: access before default, by type, the unnamed first."""
        return self.scope == "default", _TYPES.index(self.type), bool(self.name), self.name


def canonical(text: str) -> str:
    """The same ACL in HDFS's order."""
    return ",".join(str(rule) for rule in sorted(rules_of(text), key=lambda rule: rule.order))


def rules_of(text: str) -> list[AclRule]:
    """The entries of an ACL.

    Raises:
        BadOption: It is not the text of an ACL.
    """
    return [_rule(one) for one in text.split(",")] if text else []


def full(text: str, mode: int) -> list[AclRule]:
    """All entries that HDFS wants for setting ``text`` on what has ``mode``, the base entries from the mode."""
    rules = rules_of(text)
    owner, group, other = (_rights(mode >> shift) for shift in (6, 3, 0))
    has_named = any(rule.scope == "access" for rule in rules)
    base = [AclRule("access", "user", "", owner), AclRule("access", "other", "", other)]
    base.append(AclRule("access", "mask" if has_named else "group", "", group))
    if has_named and not any(rule[:3] == ("access", "group", "") for rule in rules):
        base.append(AclRule("access", "group", "", group))
    return sorted([*base, *rules], key=lambda rule: rule.order)


def _rule(text: str) -> AclRule:
    scope, rest = ("default", text[8:]) if text.startswith("default:") else ("access", text)
    pieces = rest.split(":")
    if len(pieces) != 3 or pieces[0] not in _TYPES or len(pieces[2]) != 3:
        raise BadOption("not an ACL; write it as hdfs dfs -getfacl shows it, with commas between", acl=text)
    return AclRule(scope, pieces[0], pieces[1], pieces[2])


def _rights(bits: int) -> str:
    return "".join(letter if bits & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1)))
