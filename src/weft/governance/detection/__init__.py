"""Detection: which columns hold data about people, told from samples of their values and from their names."""
