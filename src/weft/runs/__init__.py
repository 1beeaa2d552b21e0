"""A plan is carried out: build, verify, publish, roll back, sweep."""
