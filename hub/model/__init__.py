"""What is true: deliveries, records, entities, events, values, identities, effects. Pure."""
