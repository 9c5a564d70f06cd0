"""Where device tables lie: what `characterise` writes there, `retrain` learns from."""

TABLES = "device-tables"
"""Folder of a home; the newest table in it is learned from."""
