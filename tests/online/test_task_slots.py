"""Tasks that run at once, from the confs of a session."""

import os

import pytest

from jobs.online.task_slots import slots_of, task_slots


@pytest.mark.parametrize(
    ("confs", "slots"),
    [
        ({"spark.master": "local"}, 1),
        ({"spark.master": "local[3]"}, 3),
        ({"spark.master": "local[2,4]"}, 2),
        ({"spark.master": "local[*]"}, os.cpu_count()),
        ({"spark.master": "local-cluster[2, 3, 1024]"}, 6),
        ({"spark.master": "yarn", "spark.executor.instances": "5", "spark.executor.cores": "4"}, 20),
        ({"spark.master": "k8s://x", "spark.dynamicAllocation.minExecutors": "2", "spark.executor.cores": "4"}, 8),
        ({"spark.master": "k8s://x", "spark.dynamicAllocation.minExecutors": "0", "spark.executor.cores": "4"}, 2),
        ({"spark.master": "spark://h:7077", "spark.cores.max": "12"}, 12),
        ({"spark.master": "spark://h:7077"}, 2),
        ({}, 2),
    ],
)
def test_what_the_confs_say(confs, slots):
    assert slots_of(lambda name: confs.get(name, "")) == slots


def test_a_session_says_it_and_the_configuration_overrides_it(spark):
    assert task_slots(spark, None) == 2
    assert task_slots(spark, 7) == 7
