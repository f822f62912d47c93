"""``lemnos guard-rails``: the gates of a project, here or at a server, told live."""
