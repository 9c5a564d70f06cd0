"""Where nodes meet: takes their events, keeps their last heartbeats, serves releases."""
