"""Clusters on this machine."""

import contextlib
import logging

import pytest


@contextlib.contextmanager
def local_cluster(n_workers, **options):
    """Yield a cluster of processes with one thread each; skip without Dask."""
    distributed = pytest.importorskip(
        "distributed", reason='needs Dask: pip install "napari-mmtseg[dask]"'
    )
    # It tells of lost workers at length, and the tests kill some.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with distributed.LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        env={"OMP_NUM_THREADS": "1"},  # whatever it is here
        **options,
    ) as cluster:
        yield cluster
