import copy

import numpy as np
import pytest
import torch

import napari_mmtseg as mm
from napari_mmtseg.engine.losses import pseudo_labels
from napari_mmtseg.engine.training import Example, make_peers, mutual_step, train
from napari_mmtseg.settings.fields import SegmentationSettings
from tests.draining import drain
from tests.engine.algorithm_1 import plain_peer, plain_step


def peers_of(settings, n_channels=3):
    example = Example(torch.zeros(1, n_channels, 8, 8))
    return make_peers([example], settings, torch.device("cpu"))


def small_image(channels=3, height=20, width=24):
    generator = torch.Generator().manual_seed(5)
    image = torch.rand(1, channels, height, width, generator=generator)
    image[:, :, 5:15, 6:18] += 1.5
    return (image / image.max()).contiguous(memory_format=torch.channels_last)


def all_networks(peers):
    return [network for peer in peers for network in (peer.student, peer.teacher)]


@pytest.mark.parametrize("max_labels", [8, 100])
def test_paper_preset_equals_algorithm_1_written_plainly(max_labels):
    """Five steps of the fast engine against the slow loop: all four networks.

    In float64, where rounding (1e-16, grown a thousandfold by five steps) is far from
    changing a largest channel, on every processor.
    """
    settings = SegmentationSettings("paper", max_labels=max_labels)
    image = small_image().double()
    peers = make_peers(
        [Example(torch.zeros(1, 3, 8, 8))], settings, torch.device("cpu")
    )
    for network in all_networks(peers):
        network.double()
    plain = [
        plain_peer(copy.deepcopy(p.student), settings.learning_rate, settings.momentum)
        for p in peers
    ]
    assert not torch.equal(
        peers[0].student.layers[0].weight, peers[1].student.layers[0].weight
    )
    for step in range(1, 6):
        for _ in mutual_step(peers, Example(image), settings, step=step):
            pass
        plain_step(
            plain,
            image.contiguous(),
            settings.continuity_weight,
            settings.ema_decay,
        )
        for ours, theirs in zip(all_networks(peers), all_networks(plain), strict=True):
            for fast, slow in zip(ours.parameters(), theirs.parameters(), strict=True):
                torch.testing.assert_close(fast, slow, atol=1e-9, rtol=1e-9)
            with torch.no_grad():
                labels = theirs(image).argmax(1)[0]
                assert torch.equal(pseudo_labels(ours(image)), labels)


def one_step(peer, peers, settings):
    """Return (teacher before, teacher, student) for every parameter of a peer."""
    start = [p.clone() for p in peer.teacher.parameters()]
    for _ in mutual_step(peers, Example(small_image()), settings, step=1):
        pass
    return zip(start, peer.teacher.parameters(), peer.student.parameters(), strict=True)


def test_teacher_is_the_moving_average_of_its_student():
    settings = SegmentationSettings("paper", max_labels=4, ema_decay=0.75)
    peers = make_peers(
        [Example(torch.zeros(1, 3, 8, 8))], settings, torch.device("cpu")
    )
    for before, teacher, student in one_step(peers[0], peers, settings):
        torch.testing.assert_close(teacher, 0.75 * before + 0.25 * student)


def test_teacher_warm_up_starts_with_a_small_decay():
    settings = SegmentationSettings("paper", max_labels=4, ema_warmup=True)
    peers = make_peers(
        [Example(torch.zeros(1, 3, 8, 8))], settings, torch.device("cpu")
    )
    for before, teacher, student in one_step(peers[0], peers, settings):
        torch.testing.assert_close(teacher, (before + student.detach()) / 2)


def test_second_direction_sees_the_first_peers_updated_teacher():
    settings = SegmentationSettings("paper", max_labels=4, ema_decay=0.0)
    peers = make_peers(
        [Example(torch.zeros(1, 3, 8, 8))], settings, torch.device("cpu")
    )
    steps = mutual_step(peers, Example(small_image()), settings, step=1)
    next(steps)
    with torch.no_grad():
        updated = pseudo_labels(peers[0].teacher(small_image()))
    second = next(steps)
    assert same_partition(second.targets, updated)


def same_partition(a, b):
    pairs = torch.unique(torch.stack([a.ravel(), b.ravel()]), dim=1)
    return len(pairs[0].unique()) == len(pairs[1].unique()) == pairs.shape[1]


def test_warm_start_learns_the_given_labels():
    labels = torch.zeros(20, 24, dtype=torch.int64)
    labels[5:15, 6:18] = 3
    settings = SegmentationSettings(max_labels=6, n_steps=25, warm_start_steps=25)
    example = Example(small_image(), start=labels)
    seen, trained = drain(train([example], settings, "float32"))
    assert len(seen) == 25
    assert trained.n_steps == 25
    assert seen[-1].losses.similarity < 0.3 * seen[0].losses.similarity
    assert (seen[-1].student_labels == labels).float().mean() > 0.95


def test_training_stops_when_few_labels_are_left():
    settings = SegmentationSettings(
        "paper", max_labels=8, min_labels=7, n_steps=200, continuity_weight=50
    )
    _, trained = drain(train([Example(small_image())], settings, "float32"))
    assert "labels are left" in trained.stop_reason
    assert trained.n_steps < 200


def test_training_stops_when_the_labels_have_settled():
    settings = SegmentationSettings(
        "paper", max_labels=8, patience=3, n_steps=300, continuity_weight=0.1
    )
    _, trained = drain(train([Example(small_image())], settings, "float32"))
    assert trained.stop_reason == "the labels have settled"
    assert trained.n_steps < 300


def test_stop_is_obeyed_after_the_step():
    settings = SegmentationSettings("paper", max_labels=4, n_steps=50)
    steps = train([Example(small_image())], settings, "float32")
    next(steps)
    steps.send("stop")
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value.stop_reason == "stopped by the user"
    assert end.value.value.n_steps == 1


def test_peers_depend_on_the_seed_alone():
    def weights(seed):
        settings = SegmentationSettings(seed=seed)
        peers = make_peers(
            [Example(torch.zeros(1, 3, 8, 8))], settings, torch.device("cpu")
        )
        return [p.student.layers[0].weight.detach().numpy() for p in peers]

    torch.manual_seed(1)
    first = weights(0)
    torch.manual_seed(2)
    again = weights(0)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, weights(1))


def test_initial_weights_have_the_usual_spread():
    settings = SegmentationSettings(max_labels=64)
    student = make_peers(
        [Example(torch.zeros(1, 16, 8, 8))], settings, torch.device("cpu")
    )[0].student
    weight = student.layers[3].weight
    bound = (64 * 9) ** -0.5
    assert weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)


@pytest.mark.parametrize("teaching", ["teacher", "self"])
def test_one_network_learns_alone(teaching):
    settings = SegmentationSettings(teaching=teaching, max_labels=6)
    example = Example(small_image())
    (peer,) = make_peers(
        [Example(torch.zeros(1, 3, 8, 8))], settings, torch.device("cpu")
    )
    before = copy.deepcopy(peer.student.state_dict())
    (step,) = mutual_step([peer], example, settings, step=1)
    assert not _same(before, peer.student.state_dict())
    if teaching == "self":
        assert torch.equal(step.targets, step.student_labels)


def _same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def test_alone_the_output_comes_from_one_network():
    image = np.zeros((20, 20), np.uint8)
    image[5:15, 5:15] = 200
    quick = {"n_labels": 2, "n_steps": 8, "warm_start_steps": 6, "precision": "float32"}
    for teaching in ("teacher", "self"):
        labels = mm.segment(image, teaching=teaching, **quick)
        assert labels[0, 0] == 1
        assert labels[10, 10] == 2
