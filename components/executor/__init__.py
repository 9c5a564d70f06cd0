"""The executor: observes, predicts, probes, plans, guards, applies, reads back."""
