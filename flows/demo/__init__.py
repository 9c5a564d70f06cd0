"""The whole loop on one machine, in minutes, told as it happens."""
