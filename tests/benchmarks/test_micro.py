"""Micro benchmarks measure calls that work."""

import pytest

from benchmarks.micro.cases import cases


@pytest.mark.parametrize("name", cases())
def test_a_case_can_be_called_again_and_again(name: str) -> None:
    call = cases()[name]

    assert type(call()) is type(call())
