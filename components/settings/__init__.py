"""Settings of both commands: flag over environment over `joulepilot.toml` over default."""
