"""`joulepilot keys`: who may say what nodes run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from components.releases.signature import new_keys, public_key_file

if TYPE_CHECKING:
    import argparse

    from components.settings.settings import Resolved


def new(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Make a pair of keys in the home; from then on every new entry of its log is signed."""
    private, public = new_keys(resolved.settings.home)
    if arguments.json:
        print(json.dumps({"signing_key": str(private), "public_key": str(public)}))
        return 0
    print(f"signing key {private}: every new entry of this home's release log is signed with it")
    print(f"public key  {public}: copy it to the nodes and start them with")
    print(f"            joulepilot-node run --public-key {public.name}")
    print("entries from before are not signed: nodes with the key begin at the next promotion")
    return 0


def show(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Print the public key; 0 when there is one."""
    public = public_key_file(resolved.settings.home)
    key = public.read_text(encoding="ascii") if public.is_file() else None
    if arguments.json:
        print(json.dumps({"public_key": key}))
    else:
        print(key if key is not None else f"no keys in {public.parent}: joulepilot keys new")
    return 0 if key is not None else 1
