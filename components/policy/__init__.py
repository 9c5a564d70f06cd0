"""What decides: bundles, predictions and the search, evaluated without any training library."""
