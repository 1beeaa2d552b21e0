"""Tables that go on from build to build: which files stay, and which rows are written anew."""
