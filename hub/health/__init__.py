"""Health per integration: pure measures, and the report in text, JSON and HTML."""
