"""Samples in versioned tables, from the spooled body to what may be learned from."""
