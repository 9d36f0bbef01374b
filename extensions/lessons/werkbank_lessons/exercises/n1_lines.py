"""The fictional breeding programme of lesson N1: inbred lines, their markers, one trial, and the truth behind it.

Parents are mosaics of a few old varieties, so that neighbouring loci go together; crosses form a ring, each parent in
two of them; a cross gives doubled haploids, lines with two equal copies of every chromosome.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CHROMOSOMES, MORGAN = 10, 1.5  # a chromosome is 1.5 morgan long: 1.5 crossovers on average
OLD_VARIETIES, PIECE = 8, 0.2  # parents inherit pieces of 0.2 morgan on average
SPARE = 200  # loci beyond those needed: in a few parents many do not vary
MEAN, GENETIC_SD, TRIAL_SD = 10.0, 0.5, 0.5  # t/ha; equal, so that the heritability of a trial is 0.5


@dataclass(frozen=True)
class Lines:
    """``genotypes`` counts one of the two alleles (0 or 2; lines × markers), ``family`` names the cross, ``trial`` is
    the mean yield of a line in its plots and ``true_value`` what it would be with endless plots (both t/ha).
    """

    genotypes: np.ndarray
    family: np.ndarray
    trial: np.ndarray
    true_value: np.ndarray


def make_lines(
    seed: int | None = None, families: int = 40, size: int = 25, markers: int = 2000, causal: int = 100
) -> Lines:
    """``families`` crosses with ``size`` lines each. The ``causal`` loci act additively and are not markers.

    Raises ValueError for fewer than three families (no ring), and for fewer than two lines, one marker or one locus.
    """
    _require(families=(families, 3), size=(size, 2), markers=(markers, 1), causal=(causal, 1))
    rng = np.random.default_rng(seed)
    distance = _distances(rng, loci=4 * (markers + causal) + SPARE)
    parents = _parents(rng, distance, families)
    genotypes = np.concatenate(
        [_cross(rng, distance, parents[one], parents[(one + 1) % families], size) for one in range(families)]
    )
    seen, hidden = _chosen_loci(rng, genotypes, markers, causal)
    value = genotypes[:, hidden] @ rng.normal(size=causal)
    true_value = MEAN + GENETIC_SD * (value - value.mean()) / value.std()
    names = [f"P{one + 1:02d} × P{(one + 1) % families + 1:02d}" for one in range(families)]
    return Lines(
        genotypes=genotypes[:, seen].astype(float),
        family=np.repeat(names, size),
        trial=true_value + rng.normal(0, TRIAL_SD, size=true_value.size),
        true_value=true_value,
    )


def _require(**given: tuple[int, int]) -> None:
    for name, (value, least) in given.items():
        if value < least:
            raise ValueError(f"{name} is {value}; ask for {least} or more")


def _distances(rng: np.random.Generator, loci: int) -> np.ndarray:
    """Distance of each locus to the one before (morgan); infinite where a chromosome begins."""
    place = np.sort(rng.uniform(0, CHROMOSOMES, size=loci))
    begins = np.diff(np.floor(place), prepend=-1) > 0
    return np.where(begins, np.inf, np.diff(place, prepend=0) * MORGAN)


def _parents(rng: np.random.Generator, distance: np.ndarray, parents: int) -> np.ndarray:
    """Alleles (parents × loci) of inbred parents, each a mosaic of the old varieties."""
    loci = distance.size
    old = rng.random((OLD_VARIETIES, loci)) < rng.random(loci)
    switches = rng.random((parents, loci)) < 1 - np.exp(-distance / PIECE)
    piece = np.maximum.accumulate(np.where(switches, np.arange(loci), 0), axis=1)
    origin = np.take_along_axis(rng.integers(0, OLD_VARIETIES, size=(parents, loci)), piece, axis=1)
    return old[origin, np.arange(loci)]


def _cross(rng: np.random.Generator, distance: np.ndarray, one: np.ndarray, other: np.ndarray, size: int) -> np.ndarray:
    """Genotypes (``size`` × loci, 0 or 2) of doubled haploids; crossovers do not see each other (Haldane)."""
    recombination = (1 - np.exp(-2 * distance)) / 2
    from_one = np.cumsum(rng.random((size, distance.size)) < recombination, axis=1) % 2 == 1
    return 2 * np.where(from_one, one, other).astype(np.int8)


def _chosen_loci(
    rng: np.random.Generator, genotypes: np.ndarray, markers: int, causal: int
) -> tuple[np.ndarray, np.ndarray]:
    """Markers (along the genome) and causal loci, all of them loci where the rarer allele is not rare (over 5 %)."""
    frequency = genotypes.mean(axis=0) / 2
    common = np.flatnonzero((frequency > 0.05) & (frequency < 0.95))
    chosen = rng.choice(common, size=markers + causal, replace=False)
    return np.sort(chosen[causal:]), chosen[:causal]
