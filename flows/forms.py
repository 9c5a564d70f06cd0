"""Parameters of the flows as Prefect's forms show them: titles, descriptions, bounds."""

from __future__ import annotations

from typing import Annotated, Literal

from prefect.input import RunInput
from pydantic import BaseModel, ConfigDict, Field

from components.releases.canary import DEFAULT_HOURS

Why = Annotated[
    str,
    Field(title="Why", description="Kept in the log for who reads it at night.", min_length=1),
]
Seed = Annotated[int, Field(title="Seed", description="The same seed gives the same bundle.", ge=0)]
Windows = Annotated[
    int,
    Field(title="Windows", description="How many each allocation is held for.", ge=1, le=60),
]
Points = Annotated[
    int | None,
    Field(title="Allocations", description="At most so many a node; empty: all.", ge=1, le=768),
]
Release = Annotated[
    int | None,
    Field(title="Release", description="Its number; empty: the policy before.", ge=1),
]
Version = Annotated[
    str,
    Field(title="Version", description="Its number, or the start of its digest.", min_length=1),
]

Policy = Annotated[
    Literal["core-allocator", "device-classifier"],
    Field(title="Policy", description="Which CPUs a job gets, or which device."),
]

ROLLOUT = Field(
    title="Rollout",
    description="canary: one node tries it, and all run it if it won; rings: one node, 10 %, all; "
    "all: everywhere at once.",
)
Rollout = Annotated[Literal["canary", "rings", "all"], ROLLOUT]


class Form(BaseModel):
    """A form; a field it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SweepForm(Form):
    """Which nodes try which allocations on purpose."""

    nodes: Annotated[
        list[str],
        Field(title="Nodes", description="As `joulepilot status` lists them.", min_length=1),
    ]
    why: Why
    n_windows: Windows = 2
    n_points: Points = 40
    timeout_s: Annotated[
        float, Field(title="Time-out [s]", description="Give up after so long.", gt=0, le=86400)
    ] = 900.0


class TrainingForm(Form):
    """How a challenger is trained."""

    seed: Seed = 0
    cause: Annotated[
        str, Field(title="Cause", description="What asked for it, where it was no person.")
    ] = ""
    rollout: Annotated[Literal["none", "canary", "rings", "all"], ROLLOUT] = "none"
    why: Why = "retraining"


class DeviceTrainingForm(Form):
    """How a device classifier is trained, from the newest table of the home."""

    seed: Seed = 0
    node_classes: Annotated[
        list[str], Field(title="Node classes", description="It is made for; * for any.")
    ] = ["*"]
    rollout: Annotated[
        Literal["none", "all"],
        Field(title="Rollout", description="all: every node runs it at once; none: a person asks."),
    ] = "none"
    why: Why = "scheduled training of devices"


class PromotionForm(Form):
    """Which version shall run, and how it gets everywhere."""

    version: Version
    policy: Policy = "core-allocator"
    why: Why
    rollout: Rollout = "all"
    canary_hours: Annotated[
        float, Field(title="Canary [h]", description="At most so long a ring.", gt=0, le=720)
    ] = DEFAULT_HOURS


class ApprovalForm(Form):
    """The version a person is asked about."""

    version: Version
    policy: Policy = "core-allocator"
    why: Why
    rollout: Rollout = "all"


class Answer(RunInput):
    """Shall this version run everywhere?"""

    decision: Annotated[
        Literal["approve", "reject"],
        Field(title="Decision", description="A rejected version stays challenger."),
    ]
    who: Annotated[str, Field(title="Who", description="Your name, for the log.", min_length=1)]
    why: Why


class RollbackForm(Form):
    """What to go back to."""

    why: Why
    to_release: Release = None


class PipelineForm(Form):
    """The whole slow path, from telemetry to what nodes run."""

    seed: Seed = 0
    sweep_nodes_first: Annotated[
        list[str], Field(title="Sweep first", description="Names of nodes; none: no sweep.")
    ] = []
    n_windows: Windows = 2
    n_points: Points = 40
    why: Why = "scheduled pipeline"
    rollout: Rollout = "canary"


class SavingsForm(Form):
    """Which days the savings report is about."""

    days: Annotated[float, Field(title="Days", description="Up to now.", gt=0, le=366)] = 7.0


DEFAULT_SAVINGS = SavingsForm()
DEFAULT_TRAINING = TrainingForm()
DEFAULT_PIPELINE = PipelineForm()
DEFAULT_DEVICE_TRAINING = DeviceTrainingForm()
