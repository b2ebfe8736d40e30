"""Settings of downloads."""

from pydantic import Field

from jobs.config.section import Section


class DownloadsConfig(Section):
    """Where and how sources are downloaded; nothing of it shapes the data."""

    folder: str | None = Field(
        None, description="folder for them that driver and executors see; null: `downloads` in the workspace"
    )
    offline: bool = Field(False, description="never download; HF_HUB_OFFLINE=1 says the same")
    retries: int = Field(4, ge=0, le=100, description="of a download that is cut or put off and did not go on")
    timeout_seconds: int = Field(30, ge=1, le=3_600, description="without an answer or a byte, until a try is given up")
