import itertools

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_mmtseg.engine.alignment import best_assignment, contingency_table


def test_contingency_table_counts_pairs_of_labels():
    source = torch.tensor([[0, 0, 1], [2, 1, 1]])
    target = torch.tensor([[1, 1, 0], [2, 0, 2]])
    expected = [[0, 2, 0], [2, 0, 1], [0, 0, 1]]
    assert contingency_table(source, target, 3).tolist() == expected


def test_assignment_undoes_a_permutation():
    source = torch.tensor([0, 1, 2, 3, 3, 2])
    permutation = torch.tensor([2, 0, 3, 1])
    table = contingency_table(source, permutation[source], 4)
    assert best_assignment(table).tolist() == permutation.tolist()


@settings(max_examples=50)
@given(arrays(np.int64, (4, 4), elements=st.integers(0, 50)))
def test_assignment_is_one_to_one_and_as_good_as_the_best_permutation(table):
    columns = best_assignment(torch.from_numpy(table)).numpy()
    assert sorted(columns) == [0, 1, 2, 3]
    best = max(
        sum(table[row, column] for row, column in enumerate(permutation))
        for permutation in itertools.permutations(range(4))
    )
    assert table[np.arange(4), columns].sum() == best
