"""Drop folder for CSV and JSON lines."""
