"""The command line. Every command is a stage; errors leave with the exit code of their family."""

from __future__ import annotations

import sys

from credit_eval.commands import data, decisions, models, people, records  # noqa: F401 (they add their commands)
from credit_eval.commands.base import app
from credit_eval.console import err, print_what_the_terminal_can, say
from credit_eval.core.errors import CreditEvalError
from credit_eval.failures import INTERRUPTED, Interruption, in_words


def main() -> None:
    """Run the command line; a mistake that can be mended is told in words, without a traceback."""
    print_what_the_terminal_can()
    interruption = Interruption()
    try:
        interruption.listen()
        app()
    except SystemExit as left:
        interruption.end()
        sys.exit(_interrupted() if interruption.came and left.code else left.code)
    except BaseException as error:
        interruption.end()
        if interruption.came or isinstance(error, KeyboardInterrupt):
            sys.exit(_interrupted())
        told = error if isinstance(error, CreditEvalError) else in_words(error)
        if told is None:
            raise
        say(("error", "bold red"), f" ({type(told).__name__}, exit code {told.exit_code})", to=err)
        say(str(told), to=err)
        sys.exit(told.exit_code)


def _interrupted() -> int:
    say("interrupted: what was under way left nothing, what was finished stays; run the same again", to=err)
    return INTERRUPTED


if __name__ == "__main__":
    main()
