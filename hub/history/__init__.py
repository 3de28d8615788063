"""History: what happened to one object, and why."""
