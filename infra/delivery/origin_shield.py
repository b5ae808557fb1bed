"""Where Origin Shield stands: in the stack's own region, or in the one that AWS names as its nearest.

Amazon CloudFront Developer Guide, Using Origin Shield, "Choosing the AWS Region for Origin Shield".
"""

from __future__ import annotations

from typing import Final

from infra.config import ConfigurationError

_OFFERED: Final = frozenset(
    {
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "eu-central-1",
        "eu-west-1",
        "eu-west-2",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-west-2",
    }
)

_NEAREST: Final = {
    "af-south-1": "eu-west-1",
    "ap-east-1": "ap-southeast-1",
    "ca-central-1": "us-east-1",
    "eu-north-1": "eu-west-2",
    "eu-south-1": "eu-central-1",
    "eu-west-3": "eu-west-2",
    "me-south-1": "ap-south-1",
    "us-west-1": "us-west-2",
}


def shield_region(region: str) -> str:
    """The region of Origin Shield for an origin in this one; `ConfigurationError` where AWS names none."""
    if region in _OFFERED:
        return region
    if region not in _NEAREST:
        raise ConfigurationError(
            f"no region of Origin Shield is known for {region}: write origin_shield=False, or add the nearest one to"
            " infra/delivery/origin_shield.py."
        )
    return _NEAREST[region]
