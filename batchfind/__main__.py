"""`python -m batchfind` is the command `batchfind`."""

from batchfind.cli.main import main

if __name__ == "__main__":
    main()
