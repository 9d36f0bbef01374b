"""`werkbank bench …`: measurements beside the peer, in one run."""

import typer

app = typer.Typer(help="Measurements.")
