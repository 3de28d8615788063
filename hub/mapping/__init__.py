"""The mapping table: read, check, compile, apply. Pure but for reading files."""
