"""What reads the trees, inside the sandbox: a JSON request on stdin, a JSON answer on stdout."""
