"""Options of version 0.1 that have another name now; understood for one release."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

NEW_NAMES = {"--reading": "--head"}


class OldName(argparse.Action):
    """Take the value for the new option and name that option on stderr."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Run the action of the new option."""
        new = NEW_NAMES[str(option_string)]
        print(f"{option_string} is called {new} now. Use {new}.", file=sys.stderr)
        option = parser._option_string_actions[new]
        option(parser, namespace, values, new)
