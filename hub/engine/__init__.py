"""The engine: prepare, conclude, one transaction. ``prepare`` and ``conclude`` are pure."""
