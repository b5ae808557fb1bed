"""`GET` and `HEAD /images/{key+}`: what is known of an original."""

from __future__ import annotations

from api.described import described, headers_of
from api.keys import key_from_path
from api.problems import NotFound
from api.requests.exchange import ApiAnswer, ApiRequest
from api.services import Services


def look_up(services: Services, request: ApiRequest) -> ApiAnswer:
    """Tells of an original: 200.

    Raises:
        NotFound: there is none.
    """
    key = key_from_path(request.encoded_key)
    request.principal.require_key(key)
    original = services.originals.head(key)
    if original is None:
        raise NotFound("There is no picture under this key.", key=key)
    return ApiAnswer(status=200, body=described(services, original), headers=headers_of(original))
