"""Jira Cloud and Jira Server / Data Center."""
