"""Networks of many shapes, drawn when they are needed, to learn from what they cost."""
