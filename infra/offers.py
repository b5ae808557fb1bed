"""What AWS sells in steps, as its documentation lists it: a configuration is held against it before AWS refuses it."""

from __future__ import annotations

from typing import Final

FARGATE_MEMORY_MIB: Final = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4097, 1024)),
    1024: tuple(range(2048, 8193, 1024)),
    2048: tuple(range(4096, 16385, 1024)),
    4096: tuple(range(8192, 30721, 1024)),
    8192: tuple(range(16384, 61441, 4096)),
}
"""CPU units and the memory that Fargate sells with them (Amazon ECS developer guide, task size)."""

LOG_RETENTION_DAYS: Final = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653)
"""What CloudWatch Logs accepts (PutRetentionPolicy), up to ten years."""

ZONES_WITH_VPC_ORIGINS: Final = {
    "ap-northeast-1": ("apne1-az1", "apne1-az2"),
    "ca-central-1": ("cac1-az1", "cac1-az2"),
    "us-east-1": ("use1-az1", "use1-az2"),
    "us-west-1": ("usw1-az1", "usw1-az3"),
}
"""Two zones by their ids, in regions where CloudFront's VPC origins leave one out: apne1-az3, cac1-az3, use1-az3 and
usw1-az2 (Amazon CloudFront developer guide, "Restrict access with VPC origins", supported Regions)."""
