"""What on a host, in its containers, meters and servers would go wrong, and what to do."""
