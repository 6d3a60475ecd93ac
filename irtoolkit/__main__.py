"""The command line as `python -m irtoolkit`."""

from irtoolkit.cli import main

if __name__ == "__main__":
    main()
