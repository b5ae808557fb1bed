"""What lines of access logs tell of."""

from __future__ import annotations

import io
import json
import time

import pytest

from bildwerk.request_targets import MAX_LINE_BYTES, read_targets, request_target

P = "/s/w:1/plain/local:///a%20b.jpg@webp"

LINES = [
    # plain lists
    (P, P),
    (f"https://img.test{P}", P),
    (f"HTTP://img.test:8080{P}", P),
    (f"   12 {P}", P),
    ("/s/w:1/plain/http://o.test/a.jpg", "/s/w:1/plain/http://o.test/a.jpg"),
    ("/s/bG9jYWw6Ly8vYS5qcGc.webp", "/s/bG9jYWw6Ly8vYS5qcGc.webp"),
    (f"{P}?width=3&b", f"{P}?width=3&b"),
    ("/s/w:1/plain/local:///ü.jpg", "/s/w:1/plain/local:///ü.jpg"),
    # imgproxy and this server: pretty, colored, structured, json, gcp
    (f"2026-11-23 13:14:07 [INF] Started {P} request_id=a method=GET client_ip=1.2.3.4", P),
    (f'2026-11-23 13:14:07 [WRN] Completed in 4.23ms {P} request_id=a method=GET status=404 error="x y"', P),
    (f"\x1b[2m13:14\x1b[0m [\x1b[32mINF\x1b[0m] Completed in 1.5s {P} \x1b[32mmethod=\x1b[0mGET", P),
    (f'time="2026-11-23 13:12:52" level="INFO" msg="Completed in 126.508µs {P}" method="GET" status=200', P),
    (f'time="x" level="INFO" msg="Started {P}\\"b" request_id="a" method="GET"', f'{P}"b'),
    (f'time="x" level="INFO" msg="Started {P}" request_id="a" method="OPTIONS"', None),
    (f"2026-11-23 13:14:07 [INF] Started {P} method=POST", None),
    ('time="x" level="INFO" msg="Starting server at :8080"', None),
    ("2026-11-23 13:14:07 [INF] Starting server at :8080", None),
    ('time="x" level="INFO" msg="Started /health" method="GET"', None),
    (json.dumps({"level": "INFO", "msg": f"Completed in 4ms {P}", "method": "GET", "image_url": "http://o.test/a"}), P),
    (json.dumps({"severity": "INFO", "message": f"Started {P}", "method": "HEAD"}), P),
    (json.dumps({"level": "INFO", "msg": f"Started {P}", "method": "OPTIONS"}), None),
    (json.dumps({"level": "INFO", "msg": "Starting"}), None),
    # request lines
    (f'1.2.3.4 - - [10/Oct/2026:13:55:36 +0000] "GET {P} HTTP/1.1" 200 5 "http://ref.test/a/b" "UA"', P),
    (f'1.2.3.4 - - [10/Oct/2026:13:55:36 +0000] "HEAD {P} HTTP/2.0" 200 0', P),
    (f'1.2.3.4 - - [10/Oct/2026:13:55:36 +0000] "POST {P} HTTP/1.1" 200 5 "http://ref.test/a/b"', None),
    ('1.2.3.4 - - [10/Oct/2026:13:55:36 +0000] "-" 400 0 "-" "-"', None),
    ('1.2.3.4 - - [x] "GET /s/w:1/plain/local:///\\xC3\\xBC\\x22.jpg HTTP/1.1" 200', '/s/w:1/plain/local:///ü".jpg'),
    ('1.2.3.4 - - [x] "GET /s/w:1/plain/local:///\\xFF.jpg HTTP/1.1" 200', None),
    ('1.2.3.4 - - [x] "GET / HTTP/1.1" 200', None),
    (
        f'h2 2026-11-23T13:14:07Z app/lb 1.2.3.4:5 - 0 0 0 200 200 1 2 "GET https://img.test:443{P} HTTP/2.0"',
        P,
    ),
    # JSON of others
    (json.dumps({"request": f"GET {P} HTTP/1.1", "status": 200}), P),
    (json.dumps({"request_method": "GET", "request_uri": P}), P),
    (json.dumps({"request_method": "PUT", "request_uri": P}), None),
    (json.dumps({"httpRequest": {"requestMethod": "GET", "requestUrl": f"https://img.test{P}"}}), P),
    (json.dumps({"cs-method": "GET", "cs-uri-stem": P, "cs-uri-query": "a=b"}), f"{P}?a=b"),
    ('{"a": 1}', None),
    ('{"msg": 5, "path": ["/a/b"]}', None),
    ("{", None),
    ("{" * 50_000, None),
    ('{"a":' * 50_000, None),
    # CloudFront
    (f"2026-11-23\t13:14:07\tFRA2\t5\t1.2.3.4\tGET\td.test\t{P}\t200\t-\tUA\t-\t-", P),
    (f"2026-11-23\t13:14:07\tFRA2\t5\t1.2.3.4\tGET\td.test\t{P}\t200\thttp://r.test/a/b\tUA\ta=b\t-", f"{P}?a=b"),
    (f"2026-11-23\t13:14:07\tFRA2\t5\t1.2.3.4\tPOST\td.test\t{P}\t200\thttp://r.test/a/b\tUA\t-\t-", None),
    # what is no picture, or cannot be sent
    ("nothing", None),
    ("/health", None),
    ("/", None),
    ("https://img.test", None),
    ("/s/w:1/plain/local:///a.jpg#b", None),
    ("/s/w:1/plain/local:///\udcff.jpg", None),
    ("/s/w:1/plain/local:///a\x00.jpg", None),
]


@pytest.mark.parametrize(("line", "target"), LINES)
def test_a_line_tells_of_one_target_or_none(line: str, target: str | None) -> None:
    """As it was sent."""
    assert request_target(line) == target


def targets(text: str | bytes, limit: int = 10, sample: str = "/") -> tuple[list[str], int, bool]:
    """The targets of a log, how many lines told of none, and whether there were more."""
    data = text.encode() if isinstance(text, str) else text
    found = read_targets(io.BytesIO(data), limit, lambda target: sample in target)
    return found.targets, found.unread, found.is_cut


def test_each_target_is_named_once_in_the_order_of_the_log() -> None:
    """Blank lines and comments are neither targets nor unread."""
    assert targets("# a comment\n/s/b\r\n\n/s/a\n/s/b\nnonsense\n/s/b?c") == (["/s/b", "/s/a", "/s/b?c"], 1, False)


@pytest.mark.parametrize(("limit", "found"), [(1, ["/s/a"]), (2, ["/s/a", "/s/b"])])
def test_reading_ends_with_the_limit(limit: int, found: list[str]) -> None:
    """What was seen already is not too much."""
    assert targets("/s/a\n/s/a\n/s/b\n/s/a\n/s/c\nnonsense", limit) == (found, 0, True)
    assert targets("\n".join(found * 2), limit) == (found, 0, False)


def test_only_the_sample_counts() -> None:
    """What is outside is not unread."""
    assert targets("/s/a\n/s/b", limit=1, sample="b") == (["/s/b"], 0, False)


def test_a_log_says_what_its_columns_are() -> None:
    """As CloudFront's do."""
    log = "#Version: 1.0\n#Fields: cs-uri-stem cs-method cs-uri-query\n/s/a\tGET\t-\n/s/b\tPOST\t-\n/s/c\tGET\td"

    assert targets(log) == (["/s/a", "/s/c?d"], 1, False)


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_that_is_too_long_is_passed_over_whole(end: bytes) -> None:
    """The next one is read."""
    long = b"/s/" + b"a" * (3 * MAX_LINE_BYTES) + b" /s/b" + end

    assert targets(long) == ([], 1, False)
    assert targets(b"/s/a\n" + long + b"/s/c\n" * len(end)) == (["/s/a", "/s/c"][: 1 + len(end)], 1, False)


@pytest.mark.parametrize(
    "unit", ["Completed in ", "Completed in x", "Started /", 'msg="', 'msg="\\', "GET /", "GET / ", "\x1b[", "\t", "{"]
)
def test_hostile_lines_take_no_time(unit: str) -> None:
    """A line of the largest length is read in one pass or a few."""
    line = unit * (MAX_LINE_BYTES // len(unit))
    started = time.process_time()

    request_target(line)

    assert time.process_time() - started < 2
