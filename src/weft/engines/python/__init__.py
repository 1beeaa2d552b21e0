"""Python models: a child process for each run, files of rows in, a file of rows out."""
