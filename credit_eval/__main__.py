"""`python -m credit_eval` is the command line."""

from credit_eval.cli import main

main()
