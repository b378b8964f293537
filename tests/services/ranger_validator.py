"""Ranger's own ``RangerPolicyValidator``, in the JVM of ``RangerEngine``: the checks by which Ranger Admin refuses a policy, without its store.

Source: Ranger 2.6.0. The checks are methods that are not public; each adds what is wrong to a list.
"""

from __future__ import annotations

import json
from typing import Any

from tests.services.py4j import Gateway, quoted

_MODEL = "org.apache.ranger.plugin.model"
_UTIL = "org.apache.ranger.plugin.util"
_VALIDATOR = f"{_MODEL}.validation.RangerPolicyValidator"
_ITEMS = (
    "PolicyItems",
    "DenyPolicyItems",
    "AllowExceptions",
    "DenyExceptions",
    "DataMaskPolicyItems",
    "RowFilterPolicyItems",
)

_Argument = tuple[str, str]  # the type that the method declares, and the value


def invalid(jvm: Gateway, service_def: dict[str, Any], policy: dict[str, Any]) -> list[str]:
    """What is wrong with the policy's resources, their flags, its items and accesses, in Ranger's words."""
    given = parsed(jvm, policy, f"{_MODEL}.RangerPolicy")
    raw = parsed(jvm, service_def, f"{_MODEL}.RangerServiceDef")
    definition = jvm.call(f"z:{_UTIL}.ServiceDefUtil", "normalize", f"r{raw}")
    store = java_class(jvm, "org.apache.ranger.plugin.store.ServiceStore")  # these checks need one and never ask it
    store = jvm.call("z:java.beans.EventHandler", "create", f"r{store}", quoted(""), quoted("toString"))
    validator = jvm.new(_VALIDATOR, f"r{store}")
    failures, resources = jvm.new("java.util.ArrayList"), jvm.call(given, "getResources")
    own = jvm.call(definition, "getResources")

    into, under = ("java.util.List", f"r{failures}"), (f"{_MODEL}.RangerServiceDef", f"r{definition}")
    on, text = ("java.util.Map", f"r{resources}"), ("java.lang.String", quoted(""))
    _check(jvm, validator, "isValidResourceNames", (f"{_MODEL}.RangerPolicy", f"r{given}"), into, under)
    _check(jvm, validator, "isValidResourceValues", on, into, under)
    flags = (on, into, ("java.util.List", f"r{own}"), text, text, ("boolean", "btrue"))
    _check(jvm, validator, "isValidResourceFlags", *flags)
    action = f"{_MODEL}.validation.RangerValidator$Action"
    create = jvm.call(f"z:{action}", "valueOf", quoted("CREATE"))
    access = ((f"{_MODEL}.RangerPolicy", f"r{given}"), into, (action, f"r{create}"), ("boolean", "btrue"), under)
    _check(jvm, validator, "isValidAccessTypeDef", *access)
    for name in _ITEMS:
        items = jvm.call(given, f"get{name}")
        _check(jvm, validator, "isValidPolicyItems", ("java.util.List", f"r{items}"), into, under)
        jvm.forget(items)
    count = int(jvm.call(failures, "size"))
    told = [jvm.call(jvm.call(failures, "get", f"i{index}"), "toString").strip() for index in range(count)]
    jvm.forget(given, raw, definition, store, validator, failures, resources, own)
    return told


def parsed(jvm: Gateway, value: dict[str, Any], kind: str) -> str:
    """An object of one of Ranger's classes, read from JSON as Ranger reads it."""
    of_kind = java_class(jvm, kind)
    made = jvm.call(f"z:{_UTIL}.JsonUtilsV2", "jsonToObj", quoted(json.dumps(value)), f"r{of_kind}")
    jvm.forget(of_kind)
    return made


def java_class(jvm: Gateway, name: str) -> str:
    """A class, or a primitive type."""
    return jvm.call("z:org.apache.commons.lang3.ClassUtils", "getClass", quoted(name))


def _check(jvm: Gateway, validator: str, name: str, *arguments: _Argument) -> None:
    classes = [java_class(jvm, kind) for kind, _ in arguments]
    kinds = jvm.array("java.lang.Class", *(f"r{one}" for one in classes))
    values = jvm.array("java.lang.Object", *(value for _, value in arguments))
    of_validator = java_class(jvm, _VALIDATOR)
    method = jvm.call(of_validator, "getDeclaredMethod", quoted(name), f"r{kinds}")
    jvm.call(method, "setAccessible", "btrue")
    jvm.call(method, "invoke", f"r{validator}", f"r{values}")
    jvm.forget(*classes, kinds, values, of_validator, method)
