"""`joulepilot deploy`: the same deployments as `up` serves, for the workers of a pool."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from flows.errors import ServiceError

if TYPE_CHECKING:
    import argparse

    from components.settings.settings import Resolved


def run(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Register every deployment with a work pool; schedules that people changed stay theirs.

    Raises:
        ServiceError: Prefect does not answer, or the pool is of another type.
    """
    os.environ["PREFECT_API_URL"] = resolved.settings.prefect_api_url
    import httpx  # with Prefect it takes two seconds
    from prefect.exceptions import PrefectHTTPStatusError

    from flows.serve import deploy_all, deployments

    try:
        names = deploy_all(deployments(), pool=arguments.work_pool)
    except (httpx.TransportError, PrefectHTTPStatusError) as error:
        raise ServiceError(
            f"asked Prefect at {resolved.settings.prefect_api_url} for deployments",
            f"it does not take them: {error}",
            "start it, name the right one (--prefect-host, --prefect-port), or log in: "
            "--prefect-login-file",
        ) from error
    if arguments.json:
        print(json.dumps({"work_pool": arguments.work_pool, "deployments": names}))
    else:
        print(f"{len(names)} deployments for the workers of {arguments.work_pool}:")
        for name in names:
            print(f"  {name}")
        print(f"start a worker: prefect worker start --pool {arguments.work_pool}")
    return 0
