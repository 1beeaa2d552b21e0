"""Who somebody is: signing in, users, tokens, and a domain that joins."""
