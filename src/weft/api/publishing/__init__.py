"""Publishing for domains elsewhere: a run is opened, files come, publications are checked and committed."""
