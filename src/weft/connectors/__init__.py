"""Systems that we do not own: sources in."""
