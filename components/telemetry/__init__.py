"""What is observed of a node and its jobs, and how it travels."""
