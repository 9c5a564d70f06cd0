"""The node: what it is, how it is measured, how it is changed."""
