"""A dataclass field is a row of the settings table."""

from __future__ import annotations

from dataclasses import dataclass

from renderer.settings.declare import rows, setting
from renderer.settings.readers import TEXT, integer


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A table of an example."""

    size: int = setting("EXAMPLE_SIZE", "OTHER_SIZE", read=integer(1), default=3, doc="How large.")
    password: str = setting("EXAMPLE_PASSWORD", read=TEXT, default="", doc="Who may.", secret=True)
    is_big: bool = setting("EXAMPLE_BIG", read=TEXT, default=True, doc="Whether.", empty_is_value=True)
    workers: int = setting("EXAMPLE_WORKERS", read=integer(), default=0, doc="How many.", shown_default="one per CPU")
    derived: int = 0


def test_the_rows_are_the_fields_that_variables_set() -> None:
    """The rows are the fields that variables set, in their order; other fields are none."""
    table = rows(Example)

    assert list(table) == ["size", "password", "is_big", "workers"]
    assert table["size"].names == ("EXAMPLE_SIZE", "OTHER_SIZE")
    assert table["size"].doc == "How large."
    assert table["is_big"].is_empty_meaningful
    assert not table["size"].is_empty_meaningful


def test_defaults_are_shown_as_they_are_written_in_the_environment() -> None:
    """Defaults are shown as they are written in the environment, or as the row says."""
    shown = {attribute: row.shown_default for attribute, row in rows(Example).items()}

    assert shown == {"size": "3", "password": "blank", "is_big": "true", "workers": "one per CPU"}


def test_a_table_is_built_from_its_defaults() -> None:
    """A table is built from its defaults."""
    assert (Example().size, Example().is_big) == (3, True)


def test_a_secret_is_not_in_the_representation() -> None:
    """A secret is not in the representation, other values are."""
    hidden = "hunter2"
    example = Example(size=77, password=hidden)

    assert "77" in repr(example)
    assert hidden not in repr(example)
    assert rows(Example)["password"].is_secret
