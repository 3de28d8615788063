"""The log: deliveries in order, durable before anybody is told."""
