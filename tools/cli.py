"""What the tools share: flags in groups, their help, errors in one line."""

from __future__ import annotations

import fractions
import math
import os
import sys
import textwrap
import warnings
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from absl import app
from absl import flags
from absl import logging

from tfrobust.callbacks import TrainingDiverged


class FlagSet:
    """The flags of one tool, under headings.

    A tool's own, and not absl's global set: two tools that both have an
    --epsilon can live in one process.

    Args:
        description: the tool's docstring, first in its help.
    """

    def __init__(self, description: str) -> None:
        self.values = flags.FlagValues()
        self._description = description
        self._groups: dict[str, list[str]] = {}
        self._rare: set[str] = set()

    def group(self, heading: str, *, rare: bool = False) -> None:
        """Begin a group: the flags defined from now on stand under it.

        Args:
            heading: of the group.
            rare: whether --help names its flags only; --helpfull explains.
        """
        self._groups[heading] = []
        if rare:
            self._rare.add(heading)

    def string(
        self,
        name: str,
        default: str | None,
        help_text: str,
        *,
        required: bool = False,
    ) -> flags.FlagHolder:
        """Define a flag that takes text."""
        parser: flags.ArgumentParser = flags.ArgumentParser()
        return self._define(parser, name, default, help_text, required)

    def integer(
        self, name: str, default: int | None, help_text: str
    ) -> flags.FlagHolder:
        """Define a flag that takes an integer."""
        return self._define(flags.IntegerParser(), name, default, help_text)

    def number(
        self, name: str, default: float | None, help_text: str
    ) -> flags.FlagHolder:
        """Define a flag that takes a number or a fraction."""
        return self._define(_NumberParser(), name, default, help_text)

    def size(self, name: str, help_text: str) -> flags.FlagHolder:
        """Define a flag that takes HEIGHTxWIDTH."""
        return self._define(_SizeParser(), name, None, help_text)

    def norm(self, default: int | str | None = "inf") -> flags.FlagHolder:
        """Define --norm."""
        return self._define(_NormParser(), "norm", default, "1, 2 or inf")

    def shard(self, name: str, help_text: str) -> flags.FlagHolder:
        """Define a flag that takes i/n."""
        return self._define(_ShardParser(), name, None, help_text)

    def names(
        self, name: str, default: str | None, help_text: str
    ) -> flags.FlagHolder:
        """Define a flag that takes names with commas between."""
        return self._define(_NamesParser(), name, default, help_text)

    def switch(self, name: str, help_text: str) -> flags.FlagHolder:
        """Define a flag that is off unless it is named."""
        self._groups[next(reversed(self._groups))].append(name)
        return flags.DEFINE_bool(
            name, False, help_text, flag_values=self.values
        )

    def _define(
        self,
        parser: flags.ArgumentParser,
        name: str,
        default: Any,
        help_text: str,
        required: bool = False,
    ) -> flags.FlagHolder:
        self._groups[next(reversed(self._groups))].append(name)
        return flags.DEFINE(
            parser,
            name,
            default,
            help_text,
            flag_values=self.values,
            required=required,
        )

    def given(self) -> list[str]:
        """Return the names of the flags that the command line set."""
        names = (name for group in self._groups.values() for name in group)
        return [name for name in names if self.values[name].present]

    def help_text(self, *, full: bool = False) -> str:
        """Return what the tool does, then its flags by group.

        Args:
            full: whether rare flags are explained, and not only named.
        """
        parts = [self._description.strip()]
        for heading, names in self._groups.items():
            if heading in self._rare and not full:
                lines = [f"{heading} (--helpfull explains):"]
                flag_names = " ".join(f"--{name}" for name in names)
                lines += textwrap.wrap(flag_names, **_INDENTED)
            else:
                lines = [f"{heading}:", *map(self._flag_help, names)]
            parts.append("\n".join(lines))
        parts.append("--flagfile=FILE reads flags from a file, one a line.")
        return "\n\n".join(parts)

    def _flag_help(self, name: str) -> str:
        flag = self.values[name]
        bare = flag.default in (None, False, (), "")
        shown = "" if bare else f" (default {_plain(flag.default)})"
        lines = textwrap.wrap(flag.help + shown, 84, break_on_hyphens=False)
        return f"  --{name:<21} " + ("\n" + " " * 26).join(lines)


_INDENTED: dict[str, Any] = {
    "width": 79,
    "initial_indent": "  ",
    "subsequent_indent": "  ",
    "break_on_hyphens": False,
}


class _NumberParser(flags.ArgumentParser):
    def parse(self, argument: Any) -> float:
        if str(argument) == "inf":
            return math.inf
        try:
            return float(fractions.Fraction(str(argument)))
        except (ValueError, ZeroDivisionError) as error:
            raise ValueError("not a number such as 0.03 or 8/255") from error


class _SizeParser(flags.ArgumentParser):
    def parse(self, argument: Any) -> tuple[int, int]:
        try:
            sizes = [int(part) for part in str(argument).split("x")]
        except ValueError:
            sizes = []
        if len(sizes) not in (1, 2) or min(sizes) < 1:
            raise ValueError("not HEIGHTxWIDTH in pixels, or one number")
        return sizes[0], sizes[-1]


class _ShardParser(flags.ArgumentParser):
    def parse(self, argument: Any) -> tuple[int, int]:
        try:
            index, count = str(argument).split("/")
            return int(index), int(count)
        except ValueError as error:
            raise ValueError("not i/n, such as 1/4") from error


class _NormParser(flags.ArgumentParser):
    def parse(self, argument: Any) -> Any:
        if str(argument) not in ("1", "2", "inf"):
            raise ValueError("not 1, 2 or inf")
        return "inf" if argument == "inf" else int(argument)


class _NamesParser(flags.ArgumentParser):
    def parse(self, argument: Any) -> tuple[str, ...]:
        if isinstance(argument, tuple):
            return argument
        parts = (part.strip() for part in argument.split(","))
        return tuple(part for part in parts if part)


def run(main: Callable[[], None], flag_set: FlagSet) -> None:
    """Parse the command line, run `main`, turn what goes wrong into a line.

    Args:
        main: reads its flags and makes one library call.
        flag_set: the tool's flags.

    Exits with 0, with 1 after an error, with 130 after Ctrl-C.
    """

    def parse(argv: list[str]) -> list[str]:
        if any(a in ("--help", "-help", "-h") for a in argv):
            _show(flag_set.help_text())
            sys.exit(0)
        if any(a in ("--helpfull", "-helpfull") for a in argv):
            _show(flag_set.help_text(full=True))
            sys.exit(0)
        flags.FLAGS(argv[:1])
        try:
            rest = flag_set.values(argv)
        except flags.Error as error:
            fail(error)
        if len(rest) > 1:
            fail(f"unexpected argument {rest[1]!r}; see --help")
        return rest

    def guarded(_: list[str]) -> None:
        logging.set_verbosity(logging.WARNING)
        warnings.formatwarning = _one_line
        try:
            main()
        except (ValueError, TrainingDiverged, OSError) as error:
            fail(error)
        except tf.errors.ResourceExhaustedError as error:
            fail(str(error).splitlines()[0])  # of a disk or a device
        except KeyboardInterrupt:
            print("\ninterrupted", file=sys.stderr)
            sys.exit(130)

    app.run(guarded, flags_parser=parse)


def _show(text: str) -> None:
    """Print what `head` or a pager may not read to its end."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Nor can what is left be flushed at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def numbers(
    flag: flags.FlagHolder, kind: Callable[[str], Any]
) -> tuple[Any, ...]:
    """Return the value of a flag of names as numbers.

    Args:
        flag: whose value is read.
        kind: `int` or `float`.
    """
    try:
        return tuple(kind(text) for text in flag.value)
    except ValueError as error:
        raise ValueError(
            f"--{flag.name} takes numbers with commas between. "
            f"Received: {','.join(flag.value)}"
        ) from error


def pairs(flag: flags.FlagHolder, kind: Callable[[str], Any]) -> dict[str, Any]:
    """Return the value of a flag of name=value as a dictionary.

    Args:
        flag: whose value is read.
        kind: makes a value of its text.
    """
    found = {}
    for text in flag.value:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise ValueError(
                f"--{flag.name} takes name=value with commas between. "
                f"Received: {text}"
            )
        found[name] = kind(value)
    return found


def number(text: str) -> Any:
    """Return a whole number, a number, or the text itself."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def fail(reason: object) -> None:
    """Print one line to stderr and exit with 1."""
    print("error:", " ".join(str(reason).split()), file=sys.stderr)
    sys.exit(1)


def _one_line(message: Warning | str, *_: Any, **__: Any) -> str:
    """Return a warning without the line of code that gave it."""
    return f"warning: {message}\n"


def _plain(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)
