"""What learns: policies trained on recordings of nodes, and judged before they ship."""
