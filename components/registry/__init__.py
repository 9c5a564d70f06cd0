"""MLflow: runs, versions and aliases, as people compare them. A mirror; the release log rules."""
