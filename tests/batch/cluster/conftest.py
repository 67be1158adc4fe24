"""One small cluster of processes for all tests of this folder."""

import pytest

from tests.batch.cluster.local import local_cluster


@pytest.fixture(scope="package")
def cluster():
    with local_cluster(2) as running:
        yield running


@pytest.fixture
def client(cluster):
    import distributed

    with distributed.Client(cluster, set_as_default=False) as connection:
        connection.wait_for_workers(2, timeout=60)
        yield connection
