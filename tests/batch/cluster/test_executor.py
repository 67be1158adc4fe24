import time

import pytest

from napari_mmtseg.batch.cluster.executor import cluster_pool
from napari_mmtseg.batch.runner import Hooks, run_tasks
from napari_mmtseg.errors import Cancelled
from tests.batch.cluster import work
from tests.batch.cluster.work import Named


def run(client, function, names, folder, should_cancel=lambda: False, **hooks):
    tasks = [Named(name) for name in names]
    return run_tasks(
        cluster_pool(client, "cpu"),
        function,
        tasks,
        folder,
        Hooks(should_cancel, **hooks),
    )


def ended(reports):
    return [r for r in reports if r is not None and r.status != "running"]


def test_every_task_begins_and_ends(client, tmp_path):
    reports = [r for r in run(client, work.double, "abcde", tmp_path) if r is not None]
    running = [r.task.name for r in reports if r.status == "running"]
    assert running
    assert set(running) <= set("abcde")
    assert sorted((r.task.name, r.result) for r in ended(reports)) == [
        (name, 2 * name) for name in "abcde"
    ]
    assert list(run(client, work.double, "", tmp_path)) == []
    assert not list(tmp_path.iterdir())


def test_a_task_that_fails_stops_no_other(client, tmp_path):
    reports = ended(run(client, work.fail_on_three, "01234", tmp_path))
    assert sorted(r.task.name for r in reports if r.status == "done") == [*"0124"]
    failed = [r for r in reports if r.status == "failed"]
    assert [(r.task.name, r.error) for r in failed] == [("3", "ValueError: three")]


def test_one_thread_for_each_task(client, tmp_path):
    reports = ended(run(client, work.count_threads, "ab", tmp_path))
    assert {r.result for r in reports} == {1}


@pytest.mark.parametrize("how", ["should_cancel", "close"])
def test_cancelled_tasks_end_and_clean_up(client, tmp_path, how):
    stop = []
    names = [str(tmp_path / str(i)) for i in range(6)]
    reports = run(client, work.wait_long, names, tmp_path, lambda: bool(stop))
    end = time.monotonic() + 60
    while len(list(tmp_path.glob("*.partial"))) < 2:
        next(reports)
        assert time.monotonic() < end
    if how == "close":
        reports.close()
    else:
        stop.append(True)
        with pytest.raises(Cancelled, match="resume"):
            list(reports)
    assert list(tmp_path.iterdir()) == []
    time.sleep(0.3)  # nothing that waited begins
    assert list(tmp_path.iterdir()) == []


def test_stopped_tasks_are_finished_and_no_other_begins(client, tmp_path):
    stop = []
    names = [str(tmp_path / str(i)) for i in range(6)]
    reports = run(
        client, work.wait_a_second, names, tmp_path, is_stopped=lambda: bool(stop)
    )
    end = time.monotonic() + 60
    while len(list(tmp_path.glob("*.partial"))) < 2:
        next(reports)
        assert time.monotonic() < end
    next(report for report in reports if report is None)  # both are known to run
    stop.append(True)
    finished = ended(reports)
    assert 2 <= len(finished) < 6
    assert {r.status for r in finished} == {"done"}
    assert len(list(tmp_path.iterdir())) == len(finished)


def test_tasks_are_handed_over_a_few_at_a_time(client, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_mmtseg.batch.cluster.executor._N_AT_ONCE", 3)
    noted = []
    reports = run(
        client, work.double, "abcdefgh", tmp_path, note_begun=lambda t: noted.append(t)
    )
    assert sorted(r.task.name for r in ended(reports)) == [*"abcdefgh"]
    assert len(noted[0]) == 3
    assert sum(map(len, noted)) == 8


def test_a_worker_of_another_version_does_no_work(client, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "napari_mmtseg.batch.cluster.executor.our_version", lambda: "0.0.1"
    )
    (report,) = ended(run(client, work.double, "a", tmp_path))
    assert report.status == "failed"
    assert "the run was started with 0.0.1" in report.error


def test_a_lost_worker_costs_no_task(client, tmp_path):
    names = [str(tmp_path / name) for name in ("a", "b", "die", "c", "d")]
    reports = ended(run(client, work.die_once, names, tmp_path))
    assert (tmp_path / "die").exists()
    assert sorted(r.task.name for r in reports) == sorted(names)
    assert {r.status for r in reports} == {"done"}


def test_a_task_that_takes_every_worker_with_it_fails(
    cluster, client, tmp_path, monkeypatch
):
    # The scheduler gives up after one more worker; by itself it tries three.
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 1)
    (report,) = ended(run(client, work.die, "a", tmp_path))
    assert report.status == "failed"
    assert "2 different workers" in report.error
    client.wait_for_workers(2, timeout=60)
