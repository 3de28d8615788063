"""Connectors: one folder a system; each translates and decides nothing."""
