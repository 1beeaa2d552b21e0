"""`python -m weft`: the command, where its script is not on the path."""

from weft.cli.main import main

if __name__ == "__main__":
    main()
