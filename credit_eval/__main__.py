"""`python -m credit_eval` and `credit-eval` are the command line, whose imports may be interrupted, too."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Run the command line."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _leave)
    from credit_eval.cli import main as run

    run()


def _leave(*_: object) -> None:
    os.write(2, b"interrupted before anything began\n")
    os._exit(130)


if __name__ == "__main__":
    main()
