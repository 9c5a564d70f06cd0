"""What shall run where, and why: the release log and the gate before it."""
