"""`joulepilot`: the command for people. Everything heavy is imported by the verb that needs it."""

from __future__ import annotations

import argparse
import errno
import importlib
import logging
import os
import sys
from typing import TYPE_CHECKING

from components.errors import JoulepilotError
from components.settings.settings import ENVIRONMENT_PREFIX, Settings, resolve
from flows.cli.verbs import VERBS
from flows.environment import service_environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from flows.cli.verb import Verb

PIPELINE_PACKAGES = frozenset(
    {
        "apprise", "deltalake", "great_expectations", "gymnasium", "matplotlib", "mlflow", "onnx",
        "pandas", "prefect", "pyarrow", "sb3_contrib", "scipy", "sklearn", "stable_baselines3",
        "threadpoolctl", "torch",
    }
)  # fmt: skip
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
INTERRUPTED = 130  # what shells report for a program ended by Ctrl-C
READER_GONE = 141  # and by SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; 0 only when what was asked is true."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(
        level=logging.DEBUG if arguments.verbose else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
    )
    try:
        return _run(arguments)
    except JoulepilotError as error:
        sys.stderr.write(f"joulepilot {arguments.command}: {error.asked}\n")
        sys.stderr.write(f"  what is true: {error.found}\n  what to do: {error.remedy}\n")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in PIPELINE_PACKAGES:
            raise
        sys.stderr.write(
            f"joulepilot {arguments.command}: needs the package {error.name}\n"
            "  what is true: only the node's part of joulepilot is installed here\n"
            "  what to do: pip install 'joulepilot[pipeline]'\n"
        )
    except BrokenPipeError:  # as in `joulepilot history | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        sys.stderr.write(
            f"joulepilot {arguments.command}: could not write {error.filename or 'a file'}\n"
            f"  what is true: {error.strerror}; what was being written is not there by half\n"
            "  what to do: make room there, and ask again\n"
        )
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted\n")
        return INTERRUPTED
    return 1


def _run(arguments: argparse.Namespace) -> int:
    flags = {name: getattr(arguments, name) for name in Settings.__slots__}
    resolved = resolve(flags)
    for name, value in service_environment(resolved.settings).items():
        if name.startswith(ENVIRONMENT_PREFIX):
            os.environ[name] = value  # a flag wins for our own child processes too
        else:
            os.environ.setdefault(name, value)
    module, function = arguments.handler.split(":")
    handler: Any = getattr(importlib.import_module(module), function)
    code = int(handler(arguments, resolved))
    sys.stdout.flush()  # at exit it would be too late to answer a reader that went away
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="joulepilot",
        description="Keeps ML-inference containers on their latency target at the least power.",
        epilog="The service on the node has a command of its own: joulepilot-node --help",
    )
    _add(parser, VERBS, ())
    return parser


def _add(parser: argparse.ArgumentParser, verbs: Sequence[Verb], words: tuple[str, ...]) -> None:
    """Add verbs to a parser, and to each verb its own; `words` are those typed before."""
    subs = parser.add_subparsers(dest=f"verb_{len(words)}", required=True, metavar="VERB")
    for verb in verbs:
        text = verb.help.replace("%", "%%")  # argparse formats it
        sub = subs.add_parser(verb.name, help=text, description=text)
        command = (*words, verb.name)
        if verb.verbs:
            _add(sub, verb.verbs, command)
        else:
            _add_arguments(sub, verb)
            sub.set_defaults(handler=verb.handler, command=" ".join(command))


def _add_arguments(parser: argparse.ArgumentParser, verb: Verb) -> None:
    for argument in verb.arguments:
        parser.add_argument(*argument.names, **dict(argument.options))
    group = parser.add_argument_group("settings (flag over environment over joulepilot.toml)")
    for name, item in Settings.__dataclass_fields__.items():
        group.add_argument(f"--{name.replace('_', '-')}", help=item.metadata["help"])
    group.add_argument("--json", action="store_true", help="print JSON for machines")
    group.add_argument("-v", "--verbose", action="store_true", help="say what happens inside")


if __name__ == "__main__":
    sys.exit(main())
