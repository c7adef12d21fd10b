"""What pytest's node ids are called in the lake: as pytest's own JUnit XML names them.

So the results of this plugin and of earlier JUnit reports are of the same tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

SUITE = "pytest"
"""The suite's name in pytest's JUnit XML, unless `junit_suite_name` says another."""


class Name(NamedTuple):
    """`class_name` is dotted module and classes, `name` has its parameters in brackets."""

    class_name: str
    name: str


def of_node(nodeid: str) -> Name:
    """Return the name of a node id: `tests/test_a.py::TestB::test_c[1]`."""
    address, bracket, parameters = nodeid.partition("[")
    module, *rest = address.split("::")
    parts = [module.replace("/", ".").removesuffix(".py"), *rest]
    return Name(".".join(parts[:-1]), parts[-1] + bracket + parameters)


def of_row(test: Mapping[str, object], class_word: str = "class_name") -> Name:
    """Return the name of a test as the lake and its exports write it."""
    parameters = test.get("parameters")
    name = str(test.get("name") or "") + (f"[{parameters}]" if parameters else "")
    return Name(str(test.get(class_word) or ""), name)


def node_of(file: str, name: Name) -> str:
    """Return the node id of a test in a file (relative to pytest's root): what `of_node` took."""
    module = file.removesuffix(".py").replace("/", ".")
    classes = name.class_name.removeprefix(module).strip(".")
    return "::".join([file, *filter(None, classes.split(".")), name.name])
