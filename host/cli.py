"""mail-ingest: the command line. Each command translates its words and hands over.

What a command does is imported when it runs, so that `--help` is there at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="mail-ingest",
    help="Photos and videos from the public, by e-mail or HTTP, into a newsroom.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
desk = typer.Typer(help="What waits for a person.", no_args_is_help=True, rich_markup_mode=None)
dead = typer.Typer(help="What was given up.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(desk, name="desk")
app.add_typer(dead, name="dead-letters")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]
InCategory = Annotated[
    str,
    typer.Option(
        "--category", metavar="CATEGORY", help="List those filed under it: a code or name."
    ),
]
SubmissionId = Annotated[str, typer.Argument(metavar="ID", help="The submission.")]


def _say_version(wanted: bool) -> None:
    if wanted:
        from host.commands.version import say_version

        raise typer.Exit(say_version())


@app.callback()
def about(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help="Say which version this is."
        ),
    ] = False,
) -> None:
    """Take what stands before the name of a command."""


@app.command()
def serve() -> None:
    """Take mail and HTTP submissions until stopped (Ctrl-C or SIGTERM)."""
    from host.commands.serve import serve as run

    run()


@app.command()
def demo(
    keep: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="The data folder to make; it must not exist."),
    ] = None,
) -> None:
    """Send real mails through the whole system and show what became of each."""
    from host.commands.demo import demo as run

    raise typer.Exit(run(keep))


@app.command()
def replay(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", help="Mails, folders of mails, mbox files.")
    ],
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the outcomes.")] = False,
    again: Annotated[
        str,
        typer.Option(metavar="LABEL", help="A label: take mails again that were replayed before."),
    ] = "",
    answer: Annotated[
        bool,
        typer.Option(
            "--answer", help="Answer the senders, too; never of mails older than the age limit."
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only say what would become of each mail; change nothing."),
    ] = False,
    json: AsJson = False,
) -> None:
    """Take stored mails in. Nobody is answered unless --answer is given."""
    from host.commands.replay import Run, replay_mails
    from host.commands.replay_dry_run import preview_mails

    if dry_run and wait:
        raise typer.BadParameter("a dry run takes nothing, so there is nothing to wait for")
    run = preview_mails if dry_run else replay_mails
    raise typer.Exit(run(paths, Run(again=again, answer=answer, wait=wait), as_json=json))


@app.command()
def extract(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A mail (.eml).")],
    outdir: Annotated[
        Path | None,
        typer.Argument(
            metavar="OUTDIR", help="Where the attachments are written; made if missing."
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print the tree of the mail and why, write nothing.")
    ] = False,
) -> None:
    """Take the attachments out of a mail. Prints one JSON object a line; needs no server."""
    from host.commands.extract import explain as run_explain
    from host.commands.extract import extract as run

    if explain:
        raise typer.Exit(run_explain(file))
    if outdir is None:
        raise typer.BadParameter("say where the attachments go: mail-ingest extract FILE OUTDIR")
    raise typer.Exit(run(file, outdir))


@app.command()
def status(
    submission_id: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="A submission; without one: a list, newest first."),
    ] = None,
    category: InCategory = "",
    state: Annotated[
        str,
        typer.Option(
            metavar="STATE", help="List those that are accepted, describing, answering, done, ..."
        ),
    ] = "",
    after: Annotated[
        str, typer.Option(metavar="ID", help="Go on with the list after this submission.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="List so many.")] = 100,
    json: AsJson = False,
) -> None:
    """Say where a submission is and what became of it, or list submissions."""
    from host.commands.listing import Listing, list_submissions
    from host.commands.status import status as run

    if submission_id is None:
        asked = Listing(category=category, state=state, after=after, limit=limit)
        raise typer.Exit(list_submissions(asked, as_json=json))
    if category or state or after:
        raise typer.BadParameter("name one submission, or say which to list; not both")
    raise typer.Exit(run(submission_id, as_json=json))


@app.command()
def doctor(
    deep: Annotated[
        bool,
        typer.Option(
            "--deep", help="Read all that is stored instead, and name what is lost or damaged."
        ),
    ] = False,
) -> None:
    """Check the set-up and say what to do."""
    from host.commands.doctor import doctor as check
    from host.commands.doctor_deep import doctor_deep

    raise typer.Exit(doctor_deep() if deep else check())


@app.command()
def key(
    client: Annotated[str, typer.Argument(metavar="NAME", help="A short name for who gets it.")],
) -> None:
    """Make a key for an HTTP client."""
    from host.commands.key import key as run

    raise typer.Exit(run(client))


@desk.command("list")
def desk_list(category: InCategory = "", json: AsJson = False) -> None:
    """List the media items that nobody could describe in time."""
    from host.commands.desk import list_waiting

    raise typer.Exit(list_waiting(category, as_json=json))


@desk.command("decide")
def desk_decide(
    submission_id: SubmissionId,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Which media item of it.")],
    category: Annotated[
        list[str],
        typer.Option(
            metavar="CATEGORY",
            help="A code or name of the rules file; may be given more than once.",
        ),
    ],
    answer: Annotated[
        bool, typer.Option("--answer", help="Send the submitter a second answer.")
    ] = False,
) -> None:
    """File a media item under categories that a person chose."""
    from host.commands.desk import decide

    raise typer.Exit(decide(submission_id, number, category, answer=answer))


@dead.command("list")
def dead_letters_list(json: AsJson = False) -> None:
    """List what was given up, with the reasons."""
    from host.commands.dead_letters import list_dead

    raise typer.Exit(list_dead(as_json=json))


@dead.command("resubmit")
def dead_letters_resubmit(
    which: Annotated[
        str, typer.Argument(metavar="ID", help="The submission, with its events; or one event.")
    ],
) -> None:
    """Give what was given up another chance."""
    from host.commands.dead_letters import resubmit

    raise typer.Exit(resubmit(which))


def main() -> None:
    """Run a command; an error of ours becomes one sentence and exit code 1."""
    from describer.confinement.kernel import deny_inspection
    from shared.errors import IngestError

    deny_inspection()  # our environment holds secrets, and our children open files of strangers
    try:
        app()
    except IngestError as exc:
        sys.stderr.write(f"mail-ingest: {exc}\n")
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has gone: nothing more to say
        sys.exit(1)


if __name__ == "__main__":
    main()
