"""What else one could run in place of joulepilot."""
