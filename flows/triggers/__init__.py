"""What asks for a retraining besides the clock."""
