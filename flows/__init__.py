"""The order of the work: Prefect flows, what serves them, and the command line."""
