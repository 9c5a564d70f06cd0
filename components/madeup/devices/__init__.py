"""Made-up hosts with three processors: simulated, seeded, from two different generators."""
