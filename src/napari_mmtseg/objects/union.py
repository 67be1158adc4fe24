"""Numbers of which some become one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Union:
    """Numbers 0..n-1 of which some become one (disjoint sets)."""

    def __init__(self, n: int) -> None:
        self._parent = list(range(n))

    def extend(self, n: int) -> None:
        """Add numbers up to n - 1."""
        self._parent.extend(range(len(self._parent), n))

    def find(self, number: int) -> int:
        """Return the number that stands for all that are one with this."""
        parent = self._parent
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    def join(self, first: int, second: int) -> int:
        """Make two numbers one, and return the smaller, which stands for both."""
        root, other = sorted((self.find(first), self.find(second)))
        self._parent[other] = root
        return root

    def numbers(self) -> NDArray[np.int32]:
        """Return new numbers without gaps; 0 stays."""
        roots = np.array([self.find(i) for i in range(len(self._parent))])
        return np.unique(roots, return_inverse=True)[1].astype(np.int32)
