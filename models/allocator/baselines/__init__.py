"""What one could run on a node instead of joulepilot, one idea a file."""
