"""Leading eigenpairs of the covariance of images that come in batches.

The covariance is that of the whole set, C = (1/N) sum (x_n - mean)(x_n -
mean)^T, as `np.cov(bias=True)`. Everything is numpy in float64, whatever the
images are in, and rows are regrouped, so that the result is one bit for bit
however they were batched.

`batches` is a function that starts over: each call of it iterates over
arrays of shape (rows, D) that hold the same examples in all, in any order.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator

import numpy as np

from tfrobust.arguments import check_integer

Batches = Callable[[], Iterable[np.ndarray]]

_LARGEST_EXACT = 10_000
"""The largest D for which C is formed; it has 800 MB then."""

_CHUNK_BYTES = 1 << 27
_BLOCK_ROWS = 8192


@dataclasses.dataclass(frozen=True)
class PrincipalComponents:
    """Mean and leading eigenpairs, the largest eigenvalue first.

    Args:
        mean: of the examples, shape (D,).
        eigenvalues: not negative, shape (num_components,).
        eigenvectors: orthonormal columns, shape (D, num_components).
        total_variance: the trace of C, all D eigenvalues summed.
        num_examples: how many examples there were.
    """

    mean: np.ndarray
    eigenvalues: np.ndarray
    eigenvectors: np.ndarray
    total_variance: float
    num_examples: int

    @property
    def energy(self) -> np.ndarray:
        """Share of the variance in the first i components, i = 1, 2, ..."""
        return np.cumsum(self.eigenvalues) / self.total_variance


def principal_components(
    batches: Batches, num_features: int, num_components: int
) -> PrincipalComponents:
    """Return the leading eigenpairs, exact ones up to D = 10,000.

    Args:
        batches: see the module; iterated once, or five times for a larger D.
        num_features: D.
        num_components: how many eigenpairs, at most D.

    Raises:
        ValueError: where there is no example, or all are equal.
    """
    exact = num_features <= _LARGEST_EXACT
    find = covariance_eigenpairs if exact else randomized_eigenpairs
    found = find(batches, num_features, num_components)
    # Rounding of the mean leaves equal examples a variance of that size.
    if found.total_variance <= 1e-24 * np.vdot(found.mean, found.mean):
        raise ValueError(
            "Examples must differ to have principal components. "
            f"Received: {found.num_examples} equal ones"
        )
    return found


def covariance_eigenpairs(
    batches: Batches, num_features: int, num_components: int
) -> PrincipalComponents:
    """Return exact eigenpairs of the (D, D) covariance, in one pass.

    Args:
        batches: see the module; iterated once.
        num_features: D.
        num_components: how many eigenpairs, at most D.

    Raises:
        ValueError: where there is no example.
    """
    moments = _Moments(num_features)
    covariance = np.zeros((num_features, num_features))
    for chunk in moments.shifted(_chunks(batches, num_features)):
        covariance += chunk.T @ chunk
    moments.check_enough(1)
    covariance /= moments.count
    covariance -= np.outer(moments.offset, moments.offset)
    values, vectors = _leading(covariance, num_components)
    return moments.principal_components(values, vectors)


def randomized_eigenpairs(
    batches: Batches,
    num_features: int,
    num_components: int,
    *,
    num_power_iterations: int = 2,
    oversampling: int | None = None,
    seed: int = 0,
) -> PrincipalComponents:
    """Return eigenpairs by a randomised SVD that never forms C.

    Subspace iteration from random directions, orthonormal after every pass,
    then the eigenpairs of C within the subspace (Rayleigh-Ritz). A pass over
    rows multiplies by the data matrix and its transpose at once, so that
    1 + 2q of them hold 4q + 2 factors where Algorithm 4.4 of Halko et al.
    has 2q + 2. The first gives the mean and the total variance besides; its
    directions are those of the second moment about the first chunk's mean,
    and of a start nothing more is asked.

    The spectra of images fall slowly, as powers of i. So half as many
    directions again are carried along, and C - alpha I is iterated with
    alpha rising to half of the least eigenvalue (Feng et al.), which
    separates its neighbours. Of 310 eigenvalues falling as 1/i the worst is
    then 0.8 % too small, as 1/i^2 0.03 %; without, 13 % and 10 %.

    Memory is that of 1.5 arrays (D, num_components + oversampling) of
    float64 and about 0.3 GB.

    Args:
        batches: see the module; iterated 1 + 2q times.
        num_features: D.
        num_components: how many eigenpairs, at most D and N.
        num_power_iterations: q, at least 1; default 2.
        oversampling: directions besides, that speed convergence up; default
            half of `num_components`, at least 10.
        seed: of the random directions; default 0.

    Raises:
        ValueError: for fewer examples than components, or another number of
            examples in a later pass.

    References:
        N. Halko, P.-G. Martinsson, J. A. Tropp: Finding Structure with
        Randomness, SIAM Review 53(2), 2011.

        X. Feng, W. Yu, Y. Xie, J. Tang: Algorithm 1043: Faster Randomized
        SVD with Dynamic Shifts, ACM Trans. Math. Softw. 50(2), 2024.
    """
    check_integer("num_power_iterations", num_power_iterations, minimum=1)
    if oversampling is None:
        oversampling = max(10, num_components // 2)
    size = min(num_components + oversampling, num_features)
    moments = _Moments(num_features)
    rng = np.random.default_rng(seed)
    # Half the memory, and a subspace may be wrong in the eighth digit: the
    # last pass has it in float64.
    basis = rng.standard_normal((num_features, size), np.float32)
    product = np.empty(basis.shape)
    _multiply(moments.shifted(_chunks(batches, num_features)), basis, product)
    moments.check_enough(num_components)
    _orthonormalize(product)
    shift = 0.0
    for _ in range(2 * num_power_iterations - 1):
        basis[:] = product
        chunks = moments.centred(_chunks(batches, num_features))
        _multiply(chunks, basis, product, shift)
        least = _orthonormalize(product)
        shift = max(shift, (shift + least) / 2)
    del basis
    inner = np.zeros((size, size))
    for chunk in moments.centred(_chunks(batches, num_features)):
        coordinates = chunk @ product
        inner += coordinates.T @ coordinates
    values, rotation = _leading(inner / moments.count, num_components)
    vectors = product[:, :num_components]
    for block in _blocks(product):
        vectors[block] = product[block] @ rotation
    return moments.principal_components(values, vectors)


class _Moments:
    """Count, mean and total variance of rows, taken as they pass.

    Sums are of rows less the first chunk's mean: the squares of raw pixels
    would cancel.
    """

    def __init__(self, num_features: int) -> None:
        self.count = 0
        self._shift = np.zeros(num_features)
        self._sum = np.zeros(num_features)
        self._squares = 0.0

    def shifted(self, chunks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield chunks less the first one's mean, and count them in."""
        for chunk in chunks:
            if not self.count:
                self._shift = chunk.mean(axis=0)
            chunk -= self._shift
            self.count += len(chunk)
            self._sum += chunk.sum(axis=0)
            self._squares += np.vdot(chunk, chunk)
            yield chunk

    def centred(self, chunks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield chunks of a later pass less the mean of all."""
        count, mean = 0, self.mean
        for chunk in chunks:
            chunk -= mean
            count += len(chunk)
            yield chunk
        if count != self.count:
            raise ValueError(
                "`data` must hold the same examples each time it is iterated "
                f"over. Received: {self.count} examples, then {count}"
            )

    def check_enough(self, minimum: int) -> None:
        """Raise `ValueError` unless there were `minimum` examples."""
        if self.count < minimum:
            raise ValueError(
                f"`data` must hold at least {minimum} examples. "
                f"Received: {self.count}"
            )

    @property
    def offset(self) -> np.ndarray:
        """Mean of the shifted rows, shape (D,)."""
        return self._sum / self.count

    @property
    def mean(self) -> np.ndarray:
        """Mean of the rows, shape (D,)."""
        return self._shift + self.offset

    def principal_components(
        self, values: np.ndarray, vectors: np.ndarray
    ) -> PrincipalComponents:
        """Return eigenpairs with what else is known of the rows."""
        square = float(np.vdot(self.offset, self.offset))
        variance = float(self._squares) / self.count - square
        return PrincipalComponents(
            self.mean, values, vectors, variance, self.count
        )


def _chunks(batches: Batches, num_features: int) -> Iterator[np.ndarray]:
    """Yield the rows in float64, so many at a time that BLAS is busy.

    Chunks share one buffer: the receiver may write into it, not keep it.
    """
    rows = max(1, _CHUNK_BYTES // (8 * num_features))
    buffer, filled = np.empty((rows, num_features)), 0
    for batch in batches():
        while len(batch):
            taken = batch[: rows - filled]
            buffer[filled : filled + len(taken)] = taken
            filled, batch = filled + len(taken), batch[len(taken) :]
            if filled == rows:
                yield buffer
                filled = 0
    if filled:
        yield buffer[:filled]


def _blocks(matrix: np.ndarray) -> list[slice]:
    """Return slices of a tall matrix's rows, each square or taller.

    What is computed by blocks needs no third array of the matrix's size.
    """
    rows, columns = matrix.shape
    number = max(1, rows // max(_BLOCK_ROWS, columns))
    edges = [rows * i // number for i in range(number + 1)]
    return [slice(*edge) for edge in itertools.pairwise(edges)]


def _multiply(
    chunks: Iterable[np.ndarray],
    basis: np.ndarray,
    product: np.ndarray,
    shift: float = 0.0,
) -> None:
    """Write the sum of x x^T basis over rows x, less shift * basis."""
    blocks = _blocks(basis)
    for block in blocks:
        product[block] = -shift * basis[block]
    for chunk in chunks:
        # The product of two types would not be BLAS's.
        parts = (chunk[:, b] @ basis[b].astype(np.float64) for b in blocks)
        coordinates = functools.reduce(np.add, parts)
        for block in blocks:
            product[block] += chunk[:, block].T @ coordinates


def _orthonormalize(matrix: np.ndarray) -> float:
    """Orthonormalise columns in place; return their least singular value.

    By Gram matrices, again until no digits are lost: two or three times.
    These are products, in the memory of one matrix; `np.linalg.qr` takes
    four times that and, on busy cores, ten times as long. The span is kept
    down to rounding. What is missing in it is filled with random directions,
    so that columns are orthonormal whatever the rank.

    Args:
        matrix: shape (D, size), D >= size.

    Returns:
        The value, as 0 where it is lost in rounding.
    """
    rng = np.random.default_rng(0)
    blocks, least = _blocks(matrix), None
    for _ in range(6):
        gram = sum(matrix[block].T @ matrix[block] for block in blocks)
        squares, vectors = np.linalg.eigh(gram)
        floor = max(1e-13 * squares[-1], np.finfo(np.float64).tiny)
        # The first time, small squares are those whose digits are lost.
        null = (squares < floor) & (least is not None)
        vectors /= np.sqrt(np.maximum(squares, floor))
        for block in blocks:
            rows = matrix[block] @ vectors
            shape = len(rows), null.sum()
            rows[:, null] = rng.normal(0.0, len(matrix) ** -0.5, shape)
            matrix[block] = rows
        if least is None:
            known = squares[0] > 1e-12 * squares[-1]
            least = float(np.sqrt(squares[0])) if known else 0.0
        if squares[0] > 0.1 * squares[-1]:
            break
    return least or 0.0


def _leading(
    symmetric: np.ndarray, num_components: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest eigenvalues, negative roundings as 0, and vectors."""
    values, vectors = np.linalg.eigh(symmetric)
    values = np.maximum(values[::-1][:num_components], 0.0)
    # A copy, or the view would keep all of them in memory.
    return values, vectors[:, ::-1][:, :num_components].copy()
