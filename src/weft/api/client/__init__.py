"""The side of a client: a server's mesh as an object here, its rows, signing in."""
