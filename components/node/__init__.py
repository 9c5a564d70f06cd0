"""The node as the kernel describes it: CPUs, topology, and which CPUs to take."""
