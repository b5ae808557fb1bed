r"""Decides which source URL is meant and whether it may be fetched (spec 01 section 1.8).

Order: replacements, each on the result of the one before, then the base URL, then the allow-list. A pattern is a
prefix in which `*` stands for any run without a slash. It is tested against the URL's text: case-sensitive, nothing
decoded, so `HTTP://` or `%2F` in the place of what the pattern says does not match.

A prefix of the text is not always a prefix of what will be fetched. A URL passes only if every reading of it that a
client, a proxy or a file system may take is on the list too:

- `..` is resolved, and for http(s) also `%2e%2e`, `..;x`, and with `%2f`, `\` and `%5c` as slashes; for other schemes
  percent signs and backslashes are literal. Doubled slashes are read both ways: as an empty segment that `..` removes,
  and as nothing. The fetch itself gets the URL as it was written.
- A `*` does not reach over the end of the path: `http://evil.test?.good.test/` is no match for `http://*.good.test/`,
  nor is `local:///private.png?/public/x` for `local:///*/public/`. A pattern's own `?` may stand there.
- An http(s) URL with a control character is never on a list: clients drop tabs and line breaks, also between two dots.

What stays the operator's part: a pattern that ends inside the host. `http://good.test` also matches
`http://good.test.evil.test/` and `http://good.test@evil.test/`; hosts end with a slash.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from renderer.errors import SourceNotAllowed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Go's Expand: `$$`, `$name` with the longest name, `${name}`; any other dollar sign is text.
_REFERENCE: Final = re.compile(r"\$(?:(?P<dollar>\$)|(?P<bare>\w+)|\{(?P<braced>\w+)\})")
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,7}")

_HTTP: Final = re.compile(r"https?://", re.IGNORECASE)
_HTTP_ROOT: Final = re.compile(r"https?://[^/?#\\]*", re.IGNORECASE)
_OTHER_ROOT: Final = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://[^/]*)?")
_HTTP_QUERY: Final = re.compile(r"[?#]")
_HTTP_SLASH: Final = re.compile(r"/|\\|%2f|%5c", re.IGNORECASE)
_OTHER_SLASH: Final = re.compile(r"/")
_ENCODED_DOT: Final = re.compile(r"%2e", re.IGNORECASE)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def preprocess(url: str, replacements: Sequence[tuple[re.Pattern[str], str]], base_url: str) -> str:
    """The URL that is checked and fetched.

    Args:
        url: the decoded source URL.
        replacements: patterns for the start of the URL, each with the template that takes its place.
        base_url: put in front by plain concatenation unless the URL starts with it; empty for none.
    """
    for pattern, template in replacements:
        match = pattern.match(url)
        if match is not None:
            url = _expanded(template, match) + url[match.end() :]
    return url if url.startswith(base_url) else base_url + url


def check_source(url: str, patterns: Sequence[re.Pattern[str]], *, query_separator: str = "?") -> None:
    """Lets a URL pass that the allow-list names.

    Args:
        url: the preprocessed source URL, or the target of a redirect.
        patterns: the allow-list, compiled by `settings.readers`; empty allows everything.
        query_separator: what ends the key of a URL that is not http(s), `IMGPROXY_SOURCE_URL_QUERY_SEPARATOR`.

    Raises:
        SourceNotAllowed: some reading of the URL matches no pattern.
    """
    if not patterns:
        return
    if _HTTP.match(url) and _CONTROL.search(url):
        raise SourceNotAllowed(f"Source URL contains control characters: {url!r}")
    target = _divided(url, query_separator)
    if not all(_is_listed(head, target.tail, patterns) for head in target.readings()):
        raise SourceNotAllowed(f"Source URL is not allowed: {url}")


def _expanded(template: str, match: re.Match[str]) -> str:
    def value(reference: re.Match[str]) -> str:
        if reference["dollar"]:
            return "$"
        name = reference["bare"] or reference["braced"]
        # Groups have numbers only, so a name, a leading zero or a number too high is an unknown group: empty.
        if not _NUMBER.fullmatch(name) or int(name) > match.re.groups:
            return ""
        return match[int(name)] or ""

    return _REFERENCE.sub(value, template)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """A URL taken apart: scheme and authority, path, and from the query on."""

    root: str
    path: str
    tail: str
    is_http: bool

    def readings(self) -> Iterator[str]:
        """Everything before the query, as written and as others may read it."""
        yield self.root + self.path
        if self.is_http and "\\" in self.path:
            yield self.root + self.path.replace("\\", "/")
        segments = (_HTTP_SLASH if self.is_http else _OTHER_SLASH).split(self.path)
        if ".." in map(self._plain, segments):
            yield self._resolved(segments)
            yield self._resolved([segment for segment in segments if segment])

    def _resolved(self, segments: list[str]) -> str:
        kept: list[str] = []
        if segments[0] == "":
            segments = segments[1:]
        for segment in segments:
            plain = self._plain(segment)
            if plain == "..":
                del kept[-1:]
            elif plain != ".":
                kept.append(segment)
        # `/a/b/..` names the folder, `/a/`.
        if self._plain(segments[-1]) in (".", ".."):
            kept.append("")
        return f"{self.root}/{'/'.join(kept)}"

    def _plain(self, segment: str) -> str:
        """A segment as far as it decides whether it is a dot segment."""
        return _ENCODED_DOT.sub(".", segment).partition(";")[0] if self.is_http else segment


def _divided(url: str, query_separator: str) -> _Target:
    is_http = _HTTP.match(url) is not None
    found = (_HTTP_ROOT if is_http else _OTHER_ROOT).match(url)
    start = found.end() if found else 0
    if is_http:
        query = _HTTP_QUERY.search(url, start)
        end = query.start() if query else len(url)
    else:
        end = url.find(query_separator, start) if query_separator else -1
        end = len(url) if end < 0 else end
    return _Target(root=url[:start], path=url[start:end], tail=url[end:], is_http=is_http)


def _is_listed(head: str, tail: str, patterns: Sequence[re.Pattern[str]]) -> bool:
    return any(pattern.match(head) or (tail and _names_query(pattern, head, tail)) for pattern in patterns)


def _names_query(pattern: re.Pattern[str], head: str, tail: str) -> bool:
    """Whether the pattern reaches into the query, and with its own text, not with a `*`, over the query's start."""
    # Where a `*` stands for the `?`, it also stands for another character in its place.
    return pattern.match(head + tail) is not None and pattern.match(f"{head}\0{tail[1:]}") is None
