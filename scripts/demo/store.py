"""The buckets of a demonstration, and the pictures that are in them from the beginning."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import boto3  # type: ignore[import-untyped]  # the SDK has no types
from botocore.config import Config  # type: ignore[import-untyped]  # likewise

from scripts.demo.setup import ACCESS_KEY, ORIGINALS, RESULTS, CannotBegin, Setup

REGION: Final = "us-east-1"

_CONFIGURATION: Final = Config(
    connect_timeout=5,
    read_timeout=20,
    proxies={},
    retries={"mode": "standard", "max_attempts": 4},
    s3={"addressing_style": "path"},
)


def pictures_in(folder: Path) -> list[Path]:
    """The files of a folder that are pictures by their names, in order.

    Raises:
        CannotBegin: there is none.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    if not (pictures := [path for path in files if media_type(path).startswith("image/")]):
        raise CannotBegin(f"there are no pictures in {folder}")
    return pictures


def media_type(picture: Path) -> str:
    """By the file's name; Python 3.11 does not know all of them."""
    if picture.suffix.lower() in (".avif", ".webp"):
        return f"image/{picture.suffix[1:].lower()}"
    return mimetypes.guess_type(picture.name, strict=True)[0] or "application/octet-stream"


def fill(setup: Setup, pictures: Sequence[Path]) -> None:
    """Makes both buckets, if they are not there, and puts the pictures into that of originals."""
    s3 = boto3.client(
        "s3",
        endpoint_url=setup.url("s3"),
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=setup.s3_secret,
        config=_CONFIGURATION,
    )
    there = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    for name in sorted({ORIGINALS, RESULTS} - there):
        s3.create_bucket(Bucket=name)
    for picture in pictures:
        with picture.open("rb") as body:
            s3.put_object(Bucket=ORIGINALS, Key=picture.name, Body=body, ContentType=media_type(picture))
    s3.close()
