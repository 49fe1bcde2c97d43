"""Write the pages of the reference that come from code: ``make docs``.

A test fails where ``docs/commands.md`` or ``docs/config.md`` differs from what this writes.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from fer_core.cli.main import parser  # noqa: E402
from fer_core.system.config_fields import ConfigField, fields_of  # noqa: E402
from fer_core.training.config import Augmentation, TrainConfig  # noqa: E402

NOTE = "<!-- Written by docs/generate.py from the code: change it there, then run make docs. -->\n"


def pages() -> dict[str, str]:
    """Return file name to text."""
    return {"commands.md": commands(), "config.md": config()}


def commands() -> str:
    """Return every command with its arguments."""
    parts = [
        "# Command line\n",
        NOTE,
        "Commands that need no browser, `fer-studio COMMAND` or `python -m fer_core COMMAND`:\n",
    ]
    parts += [_command(command, help_text) for command, help_text in _leaves(parser())]
    return "\n".join(parts)


def config() -> str:
    """Return every field of a training config."""
    rows = [_row(field) for name, field in fields_of(TrainConfig).items() if name != "augmentation"]
    inner = [_row(field) for field in fields_of(Augmentation).values()]
    head = "| field | default | allowed | meaning |\n|---|---|---|---|\n"
    return "\n".join([
        "# Fields of a training config\n", NOTE,
        "A YAML file for `train --config`; what is left out has its default. The training page "
        "shows the same fields but for `stride1_stem`, `sam`, the two `small_…`, `teachers` with "
        "their weights and the two `distill_…`, which it takes *From a file*.\n",
        head + "\n".join(rows) + "\n",
        "## `augmentation`\n", "A group of its own. 0 turns a change off.\n",
        head + "\n".join(inner) + "\n",
    ])  # fmt: skip


def _leaves(root: argparse.ArgumentParser) -> Iterator[tuple[argparse.ArgumentParser, str]]:
    """Yield the parsers without further commands, each with its help in the parent."""
    for action in root._actions:  # argparse shows them nowhere else
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, inner in action.choices.items():
                leaves = list(_leaves(inner))
                yield from leaves or [(inner, helps.get(name, ""))]


def _command(command: argparse.ArgumentParser, help_text: str) -> str:
    lines = [f"## `{command.prog.removeprefix('fer-studio ')}`\n"]
    lines += [f"{help_text[:1].upper()}{help_text[1:]}.\n"] if help_text else []
    rows = [_argument(action) for action in command._actions if action.dest != "help"
            and action.help != argparse.SUPPRESS]  # fmt: skip
    if rows:
        lines += ["| argument | meaning |\n|---|---|", *rows, ""]
    return "\n".join(lines)


def _argument(action: argparse.Action) -> str:
    value = action.metavar or ("\\|".join(map(str, action.choices)) if action.choices else "")
    value = " ".join(value) if isinstance(value, tuple) else value
    takes = action.nargs != 0 and bool(action.option_strings)
    name = ", ".join(action.option_strings) or value or action.dest
    name = f"{name} {value or action.dest.upper()}" if takes else name
    name += "…" if action.nargs in ("+", "*") else ""
    help_text = (action.help or "") % (vars(action) | {"prog": ""}) if action.help else ""
    return f"| `{name}` | {help_text.replace('|', chr(92) + '|')} |"


def _row(field: ConfigField) -> str:
    if field.choices:
        allowed = ", ".join(f"`{choice}`" for choice in field.choices)
    elif field.kind in (int, float):
        allowed = "0 and more" if field.high is None else f"{field.low:g} to {field.high:g}"
    else:
        allowed = "`true`, `false`" if field.kind is bool else field.allowed
    return f"| `{field.name}` | `{_yaml(field.default)}` | {allowed} | {field.help} |"


def _yaml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    return str(value).lower() if isinstance(value, bool) else f"{value}"


if __name__ == "__main__":
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")
