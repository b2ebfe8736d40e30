"""How the Batch API is used; what a provider's allows is in `conf/providers.yaml`."""

from typing import Literal

from pydantic import Field

from jobs.config.section import Section

Mode = Literal["online", "batch", "auto"]


class BatchesConfig(Section):
    """When requests go by batches, and how these are waited for."""

    deadline_hours: float = Field(
        48.0, gt=0, description="mode auto: no batch is created that may end so many hours after the run began"
    )
    min_requests: int = Field(1_000, ge=1, description="mode auto: fewer pending requests of a model are asked online")
    poll_seconds: float = Field(60.0, gt=0, description="between the first looks at batches that have not ended")
    longest_poll_seconds: float = Field(600.0, gt=0, description="between later ones")
    create_wait_seconds: float = Field(
        120.0, ge=0, description="a batch whose creation got no answer is looked for once more after so long"
    )
    wait: bool = Field(True, description="false, as --no-wait: leave while batches are out; a later run takes them in")
