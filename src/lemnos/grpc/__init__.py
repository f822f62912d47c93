"""The gRPC services of Hephaestus, over the same use cases as its REST API."""
