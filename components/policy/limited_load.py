"""The first load of a bundle, in a process that can do little and be lost.

A graph of allowed operators may still ask for any amount of memory or time, and the library that
loads it is large and written in C++. So a bundle that came from elsewhere is loaded and tried once
in a child with little memory and CPU time, no network, and no files to write; only what that
outlives is loaded here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from components.policy.errors import BundleError

MEMORY_BYTES = 1 << 30
"""Address space of the child; a good load takes about a third of it."""
CPU_S = 20
WALL_S = 60.0
_REFUSED = 3
_CLONE_NEWNET = 0x4000_0000


def try_in_child(folder: Path, *, memory_bytes: int = MEMORY_BYTES) -> None:
    """Load a bundle and check its golden outputs in a child; return when that went well.

    Raises:
        BundleError: the bundle is refused, or the child did not outlive it.
    """
    words = [sys.executable, "-I", "-c", _PROGRAM, *sys.path]
    environment = {
        "JOULEPILOT_BUNDLE": str(folder.absolute()),
        "JOULEPILOT_MEMORY": str(memory_bytes),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": "/usr/bin:/bin",
    }
    try:
        done = subprocess.run(
            words,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=WALL_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _died(folder, f"it was not done within {WALL_S:g} s") from error
    except OSError as error:
        raise _died(folder, f"no child could be started: {error}") from error
    if done.returncode == _REFUSED:
        raise _refusal(done.stdout)
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise _died(folder, f"the child ended with {done.returncode} {' '.join(last)[:200]}")


_PROGRAM = """
import sys
sys.path[:] = sys.argv[1:]
from components.policy.limited_load import main
sys.exit(main())
"""


def main() -> int:
    """Be the child: give up what is not needed, then load."""
    _give_up(int(os.environ["JOULEPILOT_MEMORY"]))
    try:
        _check(Path(os.environ["JOULEPILOT_BUNDLE"]))
    except BundleError as error:
        said = {"asked": error.asked, "found": error.found, "remedy": error.remedy}
        sys.stdout.write(json.dumps(said))
        return _REFUSED
    return 0


def _check(folder: Path) -> None:
    # what reads a bundle is imported under the limits too
    from components.policy.bundle import check_bundle
    from components.policy.bundle_folder import MANIFEST
    from components.policy.device_bundle import check_device_bundle
    from components.policy.device_manifest import DEVICE_CLASSIFIER

    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(
            "asked for a bundle", f"{MANIFEST} is unreadable: {error}", "take it again"
        ) from error
    is_devices = isinstance(manifest, dict) and manifest.get("kind") == DEVICE_CLASSIFIER
    (check_device_bundle if is_devices else check_bundle)(folder)


def _give_up(memory_bytes: int) -> None:
    """Bound memory, time and files; leave the network, where the kernel lets us."""
    import ctypes
    import resource

    limits = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: CPU_S,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 64,
    }
    for kind, value in limits.items():
        _, hard = resource.getrlimit(kind)
        least = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (least, least))
    ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET)  # needs a privilege; else it is kept


def _refusal(answer: bytes) -> BundleError:
    try:
        said = json.loads(answer)
        return BundleError(str(said["asked"]), str(said["found"]), str(said["remedy"]))
    except (ValueError, KeyError, TypeError):
        return BundleError("asked for a bundle", "it was refused without a reason", "build it anew")


def _died(folder: Path, found: str) -> BundleError:
    return BundleError(
        f"tried the bundle {folder.name[:12]} in a process of its own",
        found,
        "it is not taken; the policy in force decides on; find out who built it",
    )
