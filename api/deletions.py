"""`DELETE /images/{key+}`: the object first, then its stored results, then the queue (DESIGN section 5)."""

from __future__ import annotations

from api.access.principal import Scope
from api.keys import key_from_path
from api.models import ImageDeleted
from api.problems import InvalidRequest, NotFound
from api.purging import cache_tag, ordered_purge
from api.requests.conditions import refuse_conditions
from api.requests.exchange import ApiAnswer, ApiRequest
from api.services import Services


def delete(services: Services, request: ApiRequest) -> ApiAnswer:
    """Deletes an original and orders its purge: 202.

    Raises:
        NotFound: there was none; the purge is ordered all the same, for what a cache may still hold.
        StoreUnavailable: it is still there.
        PurgeNotQueued: it is gone; the same request again orders the purge.
    """
    request.principal.require(Scope.DELETE)
    key = key_from_path(request.encoded_key)
    request.principal.require_key(key)
    versions = request.query.get("versions")
    if versions not in (None, "all"):
        raise InvalidRequest("The parameter `versions` is `all` or not there.")
    refuse_conditions(request.headers)
    was_there = services.originals.delete(key, all_versions=versions == "all")
    purge = ordered_purge(services, key, "deleted", seconds=request.seconds_left())
    services.metrics.count("ImagesDeleted")
    body = ImageDeleted(key=key, cache_tag=cache_tag(services, key), purge=purge)
    if not was_there:
        raise NotFound("There was no picture under this key; its purge is queued.", **body.model_dump())
    return ApiAnswer(status=202, body=body)
