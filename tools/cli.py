"""What the tools share: parsing, grouped help, errors in one line."""

from __future__ import annotations

import fractions
import sys
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from absl import app
from absl import flags
from absl import logging

from tfrobust.callbacks import TrainingDiverged

Groups = Mapping[str, Sequence[flags.FlagHolder]]


class NumberParser(flags.ArgumentParser):
    """Reads 0.03 and 8/255 alike."""

    syntactic_help = "a number such as 0.03 or 8/255"

    def parse(self, argument: Any) -> float:
        """Return the number as a float."""
        try:
            return float(fractions.Fraction(str(argument)))
        except (ValueError, ZeroDivisionError) as error:
            raise ValueError(f"not {self.syntactic_help}") from error

    def flag_type(self) -> str:
        """Return what help calls it."""
        return "number"


class SizeParser(flags.ArgumentParser):
    """Reads 96 and 96x128 as (height, width)."""

    syntactic_help = "HEIGHTxWIDTH in pixels, or one number for both"

    def parse(self, argument: Any) -> tuple[int, int]:
        """Return (height, width)."""
        try:
            sizes = [int(part) for part in str(argument).split("x")]
        except ValueError as error:
            raise ValueError(f"not {self.syntactic_help}") from error
        if len(sizes) not in (1, 2) or min(sizes) < 1:
            raise ValueError(f"not {self.syntactic_help}")
        return sizes[0], sizes[-1]

    def flag_type(self) -> str:
        """Return what help calls it."""
        return "size"


def define_number(
    name: str, default: float | None, help_text: str
) -> flags.FlagHolder:
    """Define a flag that takes a number or a fraction."""
    return flags.DEFINE(NumberParser(), name, default, help_text)


def define_size(name: str, help_text: str) -> flags.FlagHolder:
    """Define a flag that takes HEIGHTxWIDTH."""
    return flags.DEFINE(SizeParser(), name, None, help_text)


def define_norm() -> flags.FlagHolder:
    """Define --norm."""
    return flags.DEFINE_enum(
        "norm", "inf", ["1", "2", "inf"], "norm of the ball"
    )


def norm_value(text: str) -> Any:
    """Return 1, 2 or "inf"."""
    return text if text == "inf" else int(text)


def run(main: Callable[[], None], description: str, groups: Groups) -> None:
    """Parse the command line, run `main`, turn what goes wrong into a line.

    Args:
        main: reads its flags and makes one library call.
        description: the tool's docstring, first in its help.
        groups: heading -> flags, for the help.

    Exits with 0, with 1 after an error, with 130 after Ctrl-C.
    """

    def parse(argv: list[str]) -> list[str]:
        if any(a in ("--help", "-help", "-h", "--helpshort") for a in argv):
            print(help_text(description, groups))
            sys.exit(0)
        try:
            rest = flags.FLAGS(argv)
        except flags.Error as error:
            fail(" ".join(str(error).split()))
        if len(rest) > 1:
            fail(f"unexpected argument {rest[1]!r}; see --help")
        return rest

    def guarded(_: list[str]) -> None:
        logging.set_verbosity(logging.WARNING)
        try:
            main()
        except (ValueError, TrainingDiverged, OSError) as error:
            fail(" ".join(str(error).split()))
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            sys.exit(130)

    app.run(guarded, flags_parser=parse)


def fail(message: str) -> None:
    """Print one line to stderr and exit with 1."""
    print(f"error: {message}", file=sys.stderr)
    sys.exit(1)


def help_text(description: str, groups: Groups) -> str:
    """Return the tool's help: what it does, then its flags by group."""
    lines = [description.strip(), ""]
    for heading, holders in groups.items():
        lines.append(f"{heading}:")
        for holder in holders:
            flag = flags.FLAGS[holder.name]
            default = "" if flag.default in (None, [], False) else flag.default
            shown = f" (default {_plain(default)})" if default != "" else ""
            lines.append(f"  --{holder.name:<22}{flag.help}{shown}")
        lines.append("")
    lines.append("--flagfile=FILE reads flags from a file, one on a line.")
    return "\n".join(lines)


def _plain(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)
