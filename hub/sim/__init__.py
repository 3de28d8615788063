"""The whole hub in one process under a seeded scheduler: fake time, fake network, hostile twins, crashes.

It may import every room; no room of the product imports it. It finds orders of events nobody thought of.
"""
