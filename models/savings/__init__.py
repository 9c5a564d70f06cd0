"""What the policy saved against its holdback, with its uncertainty."""
