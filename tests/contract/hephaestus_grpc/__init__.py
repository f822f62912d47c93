"""hephaestus.v1 over gRPC, from real clients."""
