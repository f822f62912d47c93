"""What the built-in agent can do without a model, each operation in a module of its own."""
