"""What is managed: jobs, their targets, and what each may be given."""
