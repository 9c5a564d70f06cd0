"""Made-up nodes: seeded simulations behind the same ports, and of the same files, as real ones."""
