"""Telling people of trouble: once each, with the next command to type."""
