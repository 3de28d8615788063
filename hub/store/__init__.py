"""The store: tables, named queries, hot statements, migrations."""
