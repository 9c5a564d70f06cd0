"""Hosts that hold jobs, and how what they run on is changed, read back and restored."""
