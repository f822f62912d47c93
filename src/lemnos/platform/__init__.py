"""What every domain stands on: database, identity, audit, limits, events, webhooks, secrets."""
