"""An on-call exercise: bad policies come to a node, and go again, by themselves or by hand."""
