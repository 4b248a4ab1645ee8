"""The command `safar`. Each subcommand is a module here; `main` turns every expected failure into one sentence."""

from safar.cli.main import main

__all__ = ["main"]
