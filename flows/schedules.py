"""Schedules belong to people: ours are written once, and never over what Prefect holds already."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from prefect.exceptions import ObjectNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.deployments.runner import RunnerDeployment

OF_PEOPLE = frozenset({"schedules", "paused", "parameters"})
logger = logging.getLogger(__name__)


def leave_to_people(deployments: Iterable[RunnerDeployment], client: SyncPrefectClient) -> None:
    """Take our schedules out of deployments that Prefect knows; it then keeps its own.

    A person may have edited, paused, added or deleted one there, and registering a deployment
    would undo that. To get ours back, delete the deployment in Prefect and start again.
    """
    for deployment in deployments:
        try:
            known = client.read_deployment_by_name(deployment.full_name)
        except ObjectNotFound:
            continue
        deployment.schedules = None
        deployment.model_fields_set.difference_update(OF_PEOPLE)  # what is not set is not sent
        logger.info("%s keeps its %d schedules", deployment.full_name, len(known.schedules))
