"""Scenarios on made-up or recorded nodes at accelerated time, and who does how well in them."""
