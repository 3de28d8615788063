"""The SDK: what a connector is. A connector translates between one system and the hub; it decides nothing."""
