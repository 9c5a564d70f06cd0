"""Which samples may be learned from: rules, quarantine, and a page that says why."""
