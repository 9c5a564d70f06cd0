"""The core allocator: which CPUs keep a job on its latency target at the least power."""
