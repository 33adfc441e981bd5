"""Every setting, in groups. Reading them is the work of `shared.config`."""

from __future__ import annotations

from pathlib import Path

SHIPPED_RULES = Path(__file__).parent / "rules" / "categories.toml"
