"""URLs that come again are understood once, within bounds."""

from __future__ import annotations

from renderer.request.understood import LONGEST, MOST, MOST_CHARACTERS, Asked, Recall, Understood
from renderer.request.values import NO_FEATURES, NO_HINTS, ClientFeatures, ClientHints, RenderRequest


def asked(target: str, *, features: ClientFeatures = NO_FEATURES, hints: ClientHints = NO_HINTS) -> Asked:
    return (target, features, hints)


def understood(url: str = "local:///a.png") -> Understood:
    return Understood(wanted=RenderRequest(source_url=url), key="", options={})


def test_a_url_that_has_come_is_known() -> None:
    recall, known = Recall(), understood()

    recall.put(asked("/a"), known)

    assert recall.get(asked("/a")) is known
    assert recall.get(asked("/b")) is None


def test_what_the_client_says_makes_another_request_of_the_same_url() -> None:
    recall = Recall()

    recall.put(asked("/a"), understood())

    assert recall.get(asked("/a", features=ClientFeatures(prefers_webp=True))) is None
    assert recall.get(asked("/a", hints=ClientHints(width=300))) is None


def test_urls_that_have_not_come_for_longest_are_forgotten() -> None:
    recall = Recall()
    for number in range(MOST):
        recall.put(asked(f"/{number}"), understood())

    recall.get(asked("/0"))
    recall.put(asked("/new"), understood())

    assert len(recall) == MOST
    assert recall.get(asked("/0")) is not None
    assert recall.get(asked("/1")) is None


def test_targets_are_bounded_together() -> None:
    recall, size = Recall(), LONGEST
    for number in range(2 * MOST_CHARACTERS // size):
        recall.put(asked(f"/{number:0{size - 1}}"), understood())

    assert len(recall) == MOST_CHARACTERS // size


def test_a_very_long_target_is_not_remembered() -> None:
    recall = Recall()

    recall.put(asked("/" * (LONGEST + 1)), understood())

    assert len(recall) == 0


def test_a_url_counts_once() -> None:
    """Two requests for a new URL may be under way together."""
    recall = Recall()
    for _ in range(2 * MOST_CHARACTERS // LONGEST):
        recall.put(asked("/" * LONGEST), understood())

    assert len(recall) == 1
