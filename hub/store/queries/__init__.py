"""Named read queries: each takes a connection from ``store.read()`` and gives plain dictionaries.

They decide nothing and format nothing; columns carry the names of the machine contract (design §9.1).
"""
