"""Settings of the near-duplicate search, and the banding that a threshold needs."""

from pydantic import Field

from jobs.config.section import Section
from schemas.errors import ConfigError

LEAST_RECALL = 0.9998
"""Of twins exactly at the threshold; more similar ones are found with more certainty."""


MOST_HASHES = 64


class DeduplicateConfig(Section):
    """Threshold and banding of the near-duplicate search."""

    threshold: float = Field(
        0.8, ge=0.5, le=1.0, description="Jaccard similarity of shingle sets at which rows are twins"
    )
    turn_threshold: float = Field(
        0.5, ge=0.0, le=1.0, description="least Jaccard similarity of the last turns, where there are earlier ones"
    )
    common_shingle_share: float | None = Field(
        None,
        gt=0.0,
        lt=1.0,
        description="shingles that more than this share of a source's prompts have do not make twins; null: all do",
    )
    against: tuple[str, ...] = Field(
        (),
        description="what is published already: JSONL, Parquet, package folders or earlier workspaces whose rows stay",
    )
    bands: int = Field(12, ge=1, le=64, description="buckets a row falls into")
    rows: int = Field(3, ge=1, le=16, description="min-hashes that must agree within a band")
    seed: int = Field(
        20_260_101, ge=0, description="of the min-hash functions; pyspark's default changes with each run"
    )
    max_bucket: int = Field(2_000, ge=10, description="of a larger bucket only the pairs that decide are compared")
    protect_numbers: bool = Field(False, description="rows that differ only in numbers are not twins")
    second_choice: bool = Field(
        True, description="where a kept row is not exported after all, one that fell to it takes its place"
    )

    def expected_recall(self, jaccard: float) -> float:
        """Least probability that two rows of that similarity share a bucket: 1 - (1 - j^rows)^bands.

        It is that of bands over all shingles; bands that each look at a part of them are not below it.
        """
        return float(1.0 - (1.0 - jaccard**self.rows) ** self.bands)


def config_for(
    threshold: float, protect_numbers: bool = False, common_shingle_share: float | None = None
) -> DeduplicateConfig:
    """Banding that misses next to nothing at this threshold.

    The longest bands, which propose the fewest pairs in vain, whose expected recall at the threshold is at least
    `LEAST_RECALL` with at most `MOST_HASHES` min-hashes. At 0.8 these are the 12 bands of 3 of the pipeline.
    """
    for rows in range(10, 0, -1):
        for bands in range(1, MOST_HASHES // rows + 1):
            config = DeduplicateConfig(
                threshold=threshold,
                bands=bands,
                rows=rows,
                protect_numbers=protect_numbers,
                common_shingle_share=common_shingle_share,
            )
            if config.expected_recall(threshold) >= LEAST_RECALL:
                return config
    raise ConfigError(f"threshold {threshold:g}: no banding reaches a recall of {LEAST_RECALL}; it must be 0.5 to 1.0")
