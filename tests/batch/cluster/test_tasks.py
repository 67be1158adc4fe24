import time

import pytest

from napari_mmtseg.batch.cluster.tasks import iter_tasks
from tests.batch.cluster import work


def ended(reports):
    return [r for r in reports if r is not None and r.status != "running"]


def test_every_task_begins_and_ends(client):
    reports = [r for r in iter_tasks(client, work.double, range(5)) if r is not None]
    assert {r.task for r in reports if r.status == "running"} <= set(range(5))
    assert sorted((r.task, r.result) for r in ended(reports)) == [
        (i, 2 * i) for i in range(5)
    ]
    assert list(iter_tasks(client, work.double, [])) == []


def test_a_task_that_fails_stops_no_other(client):
    reports = ended(iter_tasks(client, work.fail_on_three, range(5)))
    assert sorted(r.task for r in reports if r.status == "done") == [0, 1, 2, 4]
    failed = [r for r in reports if r.status == "failed"]
    assert [(r.task, r.error) for r in failed] == [(3, "ValueError: three")]


def test_one_thread_for_each_task(client):
    assert {
        r.result for r in ended(iter_tasks(client, work.count_threads, [0, 1]))
    } == {1}


@pytest.mark.parametrize("how", ["is_cancelled", "close"])
def test_cancelled_tasks_end_and_clean_up(client, tmp_path, how):
    stop = []
    reports = iter_tasks(
        client, work.wait_long, [str(tmp_path)] * 6, is_cancelled=lambda: bool(stop)
    )
    end = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 2:
        next(reports)
        assert time.monotonic() < end
    if how == "close":
        reports.close()
    else:
        stop.append(True)
        assert ended(reports) == []
    assert list(tmp_path.iterdir()) == []
    time.sleep(0.3)  # nothing that waited begins
    assert list(tmp_path.iterdir()) == []


def test_a_worker_of_another_version_does_no_work(client, monkeypatch):
    monkeypatch.setattr(
        "napari_mmtseg.batch.cluster.tasks.our_version", lambda: "0.0.1"
    )
    (report,) = ended(iter_tasks(client, work.double, [1]))
    assert report.status == "failed"
    assert "where the work was begun it is 0.0.1" in report.error


def test_a_lost_worker_costs_no_task(client, tmp_path):
    marks = [str(tmp_path / name) for name in ("a", "b", "die", "c", "d")]
    reports = ended(iter_tasks(client, work.die_once, marks))
    assert (tmp_path / "die").exists()
    assert sorted(r.result for r in reports) == sorted(marks)


def test_a_task_that_takes_every_worker_with_it_fails(client):
    # The scheduler gives up after three more workers.
    (report,) = ended(iter_tasks(client, work.die, [0]))
    assert report.status == "failed"
    assert "4 workers in a row were lost" in report.error
    client.wait_for_workers(2, timeout=60)
