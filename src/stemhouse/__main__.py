"""``python -m stemhouse`` is the command ``stemhouse``."""

from stemhouse.cli.main import main

if __name__ == "__main__":
    main()
