"""Intake: webhooks, polls, files and asked-for reads become deliveries in the log."""
