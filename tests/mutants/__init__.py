"""Planted bugs that unit tests, contract tests or the linter must catch; those of the simulation are in hub/sim."""
