"""A token for the run alone: its entry is put into the stage's list, and taken out again at the end.

The list is read anew before each change, and only our own entry is touched. Two people who change it in the same moment
can lose one of both changes, as with any editor: Secrets Manager has no conditional write.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from infra.smoke.stack import SECRET, Stage

_Entries = list[dict[str, Any]]


def add_entry(stage: Stage, entry: dict[str, Any]) -> None:
    """Lets the token in; the functions know it within ten seconds (docs/api.md, "Tokens")."""
    _change(stage, lambda entries: [*entries, entry])


def remove_entry(stage: Stage, entry: dict[str, Any]) -> None:
    """Lets it in no longer."""
    _change(stage, lambda entries: [one for one in entries if one.get("token_sha256") != entry["token_sha256"]])


def _change(stage: Stage, changed: Callable[[_Entries], _Entries]) -> None:
    secret = stage.one(SECRET, "SecretsApiTokens")
    client = stage.client("secretsmanager", secret.region)
    entries: _Entries = json.loads(client.get_secret_value(SecretId=secret.physical_id)["SecretString"])
    client.put_secret_value(SecretId=secret.physical_id, SecretString=json.dumps(changed(entries)))
