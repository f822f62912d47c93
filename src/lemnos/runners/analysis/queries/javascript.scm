; Nothing but what all dialects have.
