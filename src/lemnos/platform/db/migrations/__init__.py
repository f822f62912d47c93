"""The history of the schema, for Alembic; inside the package, so that a wheel brings it along."""
