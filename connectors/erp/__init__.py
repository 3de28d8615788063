"""The built-in ERP: a small, honest operations system shipped with the hub, and the connector that speaks to it."""
