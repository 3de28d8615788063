"""Source JSON: read through decimals, refused where two readers could disagree about it."""
