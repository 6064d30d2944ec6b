"""All rules of the product: a family registers itself when its module is imported."""

from __future__ import annotations

from . import arrival, budgets, geometry, materials, rigs, scene, structure, textures, uv
from .registry import RULES, Rule

FAMILIES = (arrival, budgets, geometry, materials, rigs, scene, structure, textures, uv)

__all__ = ["FAMILIES", "RULES", "Rule"]
