"""The device classifier: which processor for which network, batch and hardware state."""
