"""What every job of a node gets (plan), and what may overrule it (guard); pure functions."""
