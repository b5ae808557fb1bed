"""Settings of where further settings come from (spec 03 section 1.13)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from renderer.settings.declare import setting
from renderer.settings.readers import TEXT, path


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSettings:
    """Where more of the environment is loaded from before anything else happens; a later place here wins."""

    aws_secret_id: str = setting(
        "IMGPROXY_ENV_AWS_SECRET_ID",
        read=TEXT,
        default="",
        doc="Name or ARN of a secret in AWS Secrets Manager whose text is an env file.",
    )
    aws_secret_version_id: str = setting(
        "IMGPROXY_ENV_AWS_SECRET_VERSION_ID", read=TEXT, default="", doc="Version of that secret."
    )
    aws_secret_version_stage: str = setting(
        "IMGPROXY_ENV_AWS_SECRET_VERSION_STAGE",
        read=TEXT,
        default="",
        doc="Stage of that secret, for instance `AWSPREVIOUS`. Ignored when a version is named.",
    )
    aws_secret_region: str = setting(
        "IMGPROXY_ENV_AWS_SECRET_REGION",
        read=TEXT,
        default="",
        doc="AWS region of that secret. Unset, AWS's own settings say it, else it is `us-west-1`.",
    )
    aws_ssm_parameters_path: str = setting(
        "IMGPROXY_ENV_AWS_SSM_PARAMETERS_PATH",
        read=TEXT,
        default="",
        doc="Path in the AWS Systems Manager parameter store. Each text parameter below it is a variable: the rest"
        " of its name, slashes as `_`.",
    )
    aws_ssm_parameters_region: str = setting(
        "IMGPROXY_ENV_AWS_SSM_PARAMETERS_REGION",
        read=TEXT,
        default="",
        doc="AWS region of these parameters. Unset, AWS's own settings say it, else it is `us-west-1`.",
    )
    gcp_secret_id: str = setting(
        "IMGPROXY_ENV_GCP_SECRET_ID",
        read=TEXT,
        default="",
        doc="Name of a secret in Google Cloud Secret Manager whose payload is an env file. Needs the extra `gcs`.",
    )
    gcp_secret_version_id: str = setting(
        "IMGPROXY_ENV_GCP_SECRET_VERSION_ID", read=TEXT, default="latest", doc="Version of that secret."
    )
    gcp_secret_project_id: str = setting(
        "IMGPROXY_ENV_GCP_SECRET_PROJECT_ID", read=TEXT, default="", doc="Google Cloud project of that secret."
    )
    gcp_key: str = setting(
        "IMGPROXY_ENV_GCP_KEY",
        read=TEXT,
        default="",
        secret=True,
        doc="JSON key of the service account that may read that secret. Unset, the default credentials are used.",
    )
    local_file_path: PurePath | None = setting(
        "IMGPROXY_ENV_LOCAL_FILE_PATH",
        read=path("the path of an env file"),
        default=None,
        doc="An env file on this machine. A path that is no file is ignored with a warning.",
    )
