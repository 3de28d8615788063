"""The SDK's HTTP client with the hub's policy (reliability §6, outbound). Filled in by the SDK's author."""


class Http:
    """Placeholder type."""
