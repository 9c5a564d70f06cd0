"""Errors about the node.

PermanentError
├── CpuListError      a CPU list is not in the kernel's format
├── TopologyError     sysfs does not describe this node completely
└── PlacementError    the node has too few free CPUs for what was asked
"""

from components.errors import PermanentError


class CpuListError(PermanentError):
    """A CPU list is not in the kernel's format."""


class TopologyError(PermanentError):
    """Sysfs does not describe this node completely."""


class PlacementError(PermanentError):
    """The node has too few free CPUs for what was asked."""
