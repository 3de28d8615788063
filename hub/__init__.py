"""The hub: project-management events in, closed loops done in operations systems, each read back.

The rooms are described in ``docs/architecture.md``; the words in its section "Words".
"""
