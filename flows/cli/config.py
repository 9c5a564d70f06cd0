"""`joulepilot config`."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from components.settings.settings import Resolved


def run(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Show each setting, its value and where it came from."""
    rows = [
        {
            "setting": item.name,
            "value": "" if (value := getattr(resolved.settings, item.name)) is None else str(value),
            "from": resolved.origins[item.name],
        }
        for item in fields(resolved.settings)
    ]
    if arguments.json:
        print(json.dumps(rows))
        return 0
    for row in rows:
        print(f"{row['setting']:<14} {row['value']:<40} {row['from']}")
    return 0
