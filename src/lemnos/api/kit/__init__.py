"""What the API folders share: the gate, errors, operations, answers, streams, documentation."""
