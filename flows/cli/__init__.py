"""The command `joulepilot`."""
