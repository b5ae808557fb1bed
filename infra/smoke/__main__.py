"""Proves a deployment: uploads, shows, replaces and deletes pictures through it, asks AWS, and clears up behind itself.

    python -m infra.smoke --stage production --region eu-central-1
    python -m infra.smoke --pictures-url URL --api-url URL --bucket NAME

The first reads the stage's stack, its signing keys and its list of tokens, and makes a token for the run, with the
credentials that the AWS SDK finds. The second knows addresses alone and leaves out what only AWS can answer; keys and
token come from IMGPROXY_KEY, IMGPROXY_SALT and BILDWERK_API_TOKEN, which the first takes as well if they are there.
Exit 0: nothing failed. 1: a step failed, or something could not be cleared up.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from infra.config import CLOUDFRONT_REGION
from infra.smoke import account_steps, change_steps, picture_steps, watch_steps
from infra.smoke.asking import Shortfall, ask, until
from infra.smoke.commands import Commands
from infra.smoke.report import catalog, document, line, summary
from infra.smoke.stack import Client, Stage, read_secret, read_stage
from infra.smoke.steps import Outcome, Seen, run, taken
from infra.smoke.tokens import add_entry, remove_entry
from infra.smoke.visit import Visit

STEPS: Final = (*account_steps.STEPS, *picture_steps.STEPS, *change_steps.STEPS, *watch_steps.STEPS)
_SECRETS: Final = ("IMGPROXY_KEY", "IMGPROXY_SALT", "BILDWERK_API_TOKEN")


def main(
    arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ, client: Client | None = None
) -> int:
    """The exit status; `client` is for those that have clients of their own."""
    chosen = _parser().parse_args(arguments)
    if chosen.list:
        print(catalog(STEPS))
        return 0
    try:
        with tempfile.TemporaryDirectory(prefix="bildwerk-smoke-") as folder:
            visit = _visit(chosen, environment, client, Path(folder))
            outcomes = _walked(visit, chosen)
    except Shortfall as error:
        print(f"smoke: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # what was made for the run is removed by now
        return 130
    api_url = visit.commands.api_url
    print(document(outcomes, pictures_url=visit.pictures_url, api_url=api_url) if chosen.json else summary(outcomes))
    return 1 if any(outcome.state == "FAIL" for outcome in outcomes) else 0


def _walked(visit: Visit, chosen: argparse.Namespace) -> list[Outcome]:
    """Every outcome, each told as soon as it is known; what was made for the run is removed, whatever happens."""
    outcomes: list[Outcome] = []

    def tell(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if not chosen.json:
            print(line(outcome), flush=True)

    entry: dict[str, Any] | None = None
    if not visit.commands.token:
        token, entry = visit.commands.new_token("smoke", visit.prefix)
        visit.commands = replace(visit.commands, token=token)
    try:
        if entry is not None:
            tell(taken("token", partial(_let_in, visit, entry)))
        steps = [step for step in STEPS if not chosen.only or step.name in chosen.only]
        for outcome in run(steps, visit):
            tell(outcome)
    finally:
        tell(taken("clear-up", partial(_cleared, visit, entry)))
    return outcomes


def _let_in(visit: Visit, entry: dict[str, Any]) -> Seen:
    add_entry(visit.deployed, entry)
    url, headers = (
        f"{visit.commands.api_url}/images/{visit.prefix}none",
        {"Authorization": f"Bearer {visit.commands.token}"},
    )
    statuses: list[int] = []

    def look() -> bool | None:
        statuses.append(ask(url, headers=headers).status)
        return True if statuses[-1] == 404 else None

    _, seconds = until(look, visit.patience_seconds, lambda: f"a new token is answered {statuses[-1]}")
    return Seen(text=f"a new token works after {seconds:.1f} s", figures={"seconds": seconds})


def _cleared(visit: Visit, entry: dict[str, Any] | None) -> Seen:
    """Deletes what was uploaded with all its versions, then takes the token out of the list."""
    try:
        if visit.keys:
            visit.commands.deleted(visit.keys)
    finally:
        if entry is not None:
            remove_entry(visit.deployed, entry)
    return Seen(text=f"{len(visit.keys)} keys deleted" + (", the token is out of the list" if entry else ""))


def _visit(chosen: argparse.Namespace, environment: Mapping[str, str], client: Client | None, folder: Path) -> Visit:
    key, salt, token = (environment.get(name, "") for name in _SECRETS)
    stage: Stage | None = None
    if chosen.stage:
        stage, key, salt = _deployed(chosen, client, key, salt)
    pictures_url, api_url, bucket = _addresses(chosen, stage)
    if not (key and salt and (stage or token)):
        raise Shortfall(f"without --stage set {', '.join(_SECRETS)}")
    commands = Commands(api_url=api_url, key=key, salt=salt, token=token, environment=environment)
    return Visit(
        pictures_url=pictures_url,
        bucket=bucket,
        commands=commands,
        folder=folder,
        patience_seconds=chosen.patience,
        stage=stage,
    )


def _deployed(chosen: argparse.Namespace, client: Client | None, key: str, salt: str) -> tuple[Stage, str, str]:
    """The stage, and its signing keys where none were given."""
    from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # as for boto3 below

    try:
        stage = read_stage(chosen.stage, chosen.region, client or _client())
        return stage, key or read_secret(stage, "SecretsSigningKey"), salt or read_secret(stage, "SecretsSigningSalt")
    except (BotoCoreError, ClientError) as error:
        raise Shortfall(f"AWS does not tell about the stage: {error}") from error


def _addresses(chosen: argparse.Namespace, stage: Stage | None) -> tuple[str, str, str]:
    outputs: Mapping[str, str] = stage.outputs if stage else {}
    found = {
        "pictures-url": chosen.pictures_url or outputs.get("PicturesUrl", ""),
        "api-url": chosen.api_url or outputs.get("ApiUrl", ""),
        "bucket": chosen.bucket or outputs.get("OriginalsBucket", ""),
    }
    if missing := [f"--{name}" for name, text in found.items() if not text]:
        raise Shortfall(f"name a --stage, or {', '.join(missing)}")
    pictures_url, api_url, bucket = found.values()
    return pictures_url.rstrip("/"), api_url.rstrip("/"), bucket


def _client() -> Client:
    import boto3  # type: ignore[import-untyped]  # the SDK has no types; without --stage it is not needed

    session = boto3.session.Session()
    made: dict[tuple[str, str], Any] = {}

    def client(service: str, region: str) -> Any:  # noqa: ANN401 - as above
        place = (service, region)
        if place not in made:
            made[place] = session.client(service, region_name=region)
        return made[place]

    return client


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.smoke", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stage", default="", metavar="NAME", help="as BILDWERK_DEPLOY_STAGE was")
    parser.add_argument("--region", default=CLOUDFRONT_REGION, help="of its stack (default: %(default)s)")
    parser.add_argument("--pictures-url", default="", metavar="URL", help="in place of the stack's output PicturesUrl")
    parser.add_argument("--api-url", default="", metavar="URL", help="in place of ApiUrl")
    parser.add_argument("--bucket", default="", metavar="NAME", help="in place of OriginalsBucket")
    parser.add_argument(
        "--only", action="append", choices=[step.name for step in STEPS], metavar="STEP", help="this step; repeatable"
    )
    parser.add_argument(
        "--patience", type=float, default=300, metavar="SECONDS", help="for any one wait (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document at the end")
    parser.add_argument("--list", action="store_true", help="print the steps and what they claim")
    return parser


if __name__ == "__main__":
    sys.exit(main())
