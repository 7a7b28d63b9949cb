"""The command line: one file per verb, each verb one call of a public function.

Nothing heavy is imported here: ``ritornello --help`` answers before torch could load.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from ritornello import __version__
from ritornello.cli import analyse, compose, edit, evaluate, hears, prepare, render, train
from ritornello.errors import UserError

app = typer.Typer(
    name="ritornello",
    help="Composes and studies long pieces of symbolic music whose parts belong together.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
_STOPPED = 130
"""Exit code after Ctrl-C, as of a shell."""
for verb in (compose, edit, analyse, render, prepare, train, evaluate, hears):
    app.command()(getattr(verb, verb.__name__.rsplit(".", 1)[-1]))


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ritornello {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Composes and studies long pieces of symbolic music whose parts belong together."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line; a user's mistake is one line on stderr and exit code 2."""
    try:
        code = app(args=list(sys.argv[1:] if arguments is None else arguments) or ["--help"], standalone_mode=False)
    except UserError as error:
        _end(str(error), 2)
    except typer.exceptions.TyperException as error:
        _end(error.format_message(), 2)
    except OSError as error:  # disk full, no permission: the machine's state, which the user can mend
        _end(f"{error.filename or 'file system'}: {error.strerror or error}", 2)
    except (KeyboardInterrupt, typer.Abort):
        code = _STOPPED
    if code == _STOPPED:  # some releases of typer return it instead of raising
        _end("stopped; what was finished before is kept", _STOPPED)
    sys.exit(code if isinstance(code, int) else 0)


def _end(message: str, code: int) -> NoReturn:
    print("ritornello: " + " ".join(message.split()), file=sys.stderr)
    sys.exit(code)
