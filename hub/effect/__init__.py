"""Effects: the only room that writes to the outside; claims, sends, settles, reads back."""
