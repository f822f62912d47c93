"""Records as ORCHEX shows them, and requests as the domains take them. Pure."""
