"""Run the command line: ``python -m fer_core --help``."""

import sys

from fer_core.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
