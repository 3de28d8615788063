"""Closed loops: what must follow, decided purely."""
