"""The verbs, a file for each, named as the verb."""
