import numpy as np
import pytest
from benchmarks.measures import error_rates, pixel_accuracy, wrong_pixels
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmarks import confidence

QUICK = "fast:n_steps=3,warm_start_steps=2,max_labels=4"
images = arrays(np.uint8, (7, 9), elements=st.integers(0, 3))


def test_wrong_pixels_of_a_known_case():
    truth = np.array([[0, 0, 0, 7, 7, 7]])
    labels = np.array([[2, 2, 1, 1, 1, 3]])
    np.testing.assert_array_equal(
        wrong_pixels(labels, truth), [[False, False, True, False, False, True]]
    )


@given(images, images)
def test_wrong_pixels_are_what_accuracy_lacks(labels, truth):
    accuracy = 1 - wrong_pixels(labels, truth).mean()
    assert accuracy == pytest.approx(pixel_accuracy(labels, truth))


def test_error_rates_of_a_known_order():
    certainty = np.linspace(0, 1, 20).reshape(4, 5)
    wrong = np.zeros((4, 5), bool)
    wrong.flat[[0, 1, 2, 19]] = True
    rates = error_rates(certainty, wrong)
    np.testing.assert_allclose(rates, [1, 0.5, 0, 0, 0, 0, 0, 0, 0, 0.5], atol=1e-12)
    np.testing.assert_allclose(error_rates(certainty, wrong, 2), [0.3, 0.1])


def test_ties_share_their_errors():
    wrong = np.arange(100).reshape(10, 10) < 30
    np.testing.assert_allclose(error_rates(np.ones((10, 10)), wrong), 0.3)
    halves = np.repeat([0, 1], 50).reshape(10, 10)
    rates = error_rates(halves, wrong)
    np.testing.assert_allclose(rates, [0.6] * 5 + [0] * 5, atol=1e-12)


@given(images, arrays(np.bool_, (7, 9)))
def test_error_rates_average_to_the_error(certainty, wrong):
    assert error_rates(certainty, wrong).mean() == pytest.approx(wrong.mean())


def test_ratio_of_the_lowest_tenth_to_the_highest_half():
    assert confidence.ratio(np.array([0.6, *[0] * 4, *[0.1] * 5])) == pytest.approx(6)
    assert confidence.ratio(np.array([0.6, *[0] * 9])) == np.inf
    assert np.isnan(confidence.ratio(np.zeros(10)))


def test_tables_of_known_runs():
    def run(collection, name, lowest, rest):
        errors = [lowest, *[rest] * 9]
        return {
            "collection": collection,
            "image": name,
            "method": "default",
            "errors": errors,
            "error": float(np.mean(errors)),
            "seconds": 2.0,
        }

    runs = [run("a", "1", 0.4, 0.02), run("a", "2", 0.2, 0.1), run("b", "1", 0.9, 0)]
    table = confidence.ratio_table(runs)
    # a: the means 0.3 and 0.06; only the first image reaches 5.
    assert (
        "| a | 2 | default | 0.084 | 0.300 | 0.060 | 5.000 | 0.500 | 0.030 | 0.008 | "
        "2.000 |" in table
    )
    assert "| b | 1 | default | 0.090 | 0.900 | 0.000 | inf | 1.000 |" in table
    assert "| mean over sets |  | default | 0.087 | 0.600 | 0.030 | 20.000 |" in table
    assert "| a | default | 0.300 | 0.060 | 0.060 |" in confidence.decile_table(runs)


def test_command(data_folder, capsys):
    words = ["--data", str(data_folder), "--methods", QUICK, "--processes", "1"]
    confidence.main([*words, "--limit", "1", "--split", "all"])
    assert f"| cells | 1 | {QUICK} |" in capsys.readouterr().out


def test_figure(data_folder, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib draws the figure")
    words = ["--data", str(data_folder), "--methods", QUICK, "--processes", "1"]
    figure = tmp_path / "rates.png"
    confidence.main([*words, "--limit", "1", "--split", "all", "--figure", str(figure)])
    assert figure.stat().st_size > 1000


@pytest.mark.parametrize(
    "words",
    [["--methods", "kmeans"], ["--dataset", "bsds500"], ["--figure", "rates.txt"]],
)
def test_what_cannot_be_measured_is_refused(data_folder, words):
    with pytest.raises(SystemExit):
        confidence.main(["--data", str(data_folder), *words])


def test_example_numbers_the_least_certain_regions(monkeypatch):
    pytest.importorskip("matplotlib", reason="matplotlib draws the example")
    from benchmarks import confidence_figures

    monkeypatch.setattr(confidence_figures, "_SETTINGS", {"n_labels": 2, "n_steps": 3})
    figure = confidence_figures.draw_example()
    assert [axes.get_title() for axes in figure.axes[:3]] == [
        "image",
        "classes and least certain regions",
        "confidence",
    ]
