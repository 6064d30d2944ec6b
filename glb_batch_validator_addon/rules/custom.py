"""A studio's own rules: Python files of a folder, run with all rights of the worker. They are loaded nowhere else."""

from __future__ import annotations

import functools
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

from ..model.facts import Gap, Need
from ..model.finding import PREFIX, SEVERITIES
from ..model.profile import Demand, Level
from .registry import RULES, Rule

MODULE = "glbv_custom_rules"
"""What the modules are called, followed by a dot and the file's stem."""


@functools.cache
def load_custom_rules(folder: str | None) -> tuple[Gap, ...]:
    """Load every `*.py` of the folder, once a process, so that its rules register themselves.

    A file that raises, or whose rules are not as rules are, costs its own rules alone: a gap says why.
    """
    return tuple(gap for path in sorted(Path(folder).glob("*.py")) if (gap := _load(path))) if folder else ()


def without_custom_rules(demand: Demand) -> Demand:
    """For an asset over which one of them brought the worker down: those that are loaded here are off."""
    off: dict[str, Level] = {code: "off" for code in RULES if not code.startswith(PREFIX)}
    profile = replace(demand.profile, levels={**demand.profile.levels, **off})
    return replace(demand, profile=profile, rules_folder=None)


def _load(path: Path) -> Gap | None:
    name = f"{MODULE}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    before = set(RULES)
    try:
        spec.loader.exec_module(module)
        for code in RULES.keys() - before:
            _check(RULES[code])
    except (Exception, SystemExit) as error:  # such as of a `main()` at its end
        for code in RULES.keys() - before:
            del RULES[code]
        reason = f"{path.name} could not be loaded: {type(error).__name__}: {str(error)[:200]}"
        return Gap(need="custom", reason=reason)
    return None


def _check(rule: Rule) -> None:
    """Raises ValueError for what would fail only where it is judged."""
    if rule.code.startswith(PREFIX):
        raise ValueError(f"{rule.code} begins with {PREFIX}, as only the product's own rules do")
    if rule.severity not in SEVERITIES:
        raise ValueError(f"{rule.code} has the severity {rule.severity!r}, which is none of {', '.join(SEVERITIES)}")
    if unknown := set(rule.needs) - set(get_args(Need)):
        raise ValueError(f"{rule.code} needs {min(unknown)!r}, which is none of {', '.join(get_args(Need))}")
