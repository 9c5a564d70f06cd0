"""Proves how good a joint plan is, and finds better ones: HiGHS, in a process of its own."""
