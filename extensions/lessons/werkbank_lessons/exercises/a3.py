"""Exercises of lesson A3, "Do more with less".

torch and scipy are imported where a judge needs them and not before: a seat without them can still read this module.
"""

from __future__ import annotations

import numpy as np

from . import Exercise, NotYetError
from .answers import finite_number, require_something, row_of_numbers

_FLATTEST = 0.35  # of the certainty at the start: below it, a router no longer chooses
_EVEN = 0.9  # of the entropy of a perfectly even division
_STRIDE = 0.5  # the length of the first step downhill, in weights
_HEARD = 0.05  # the least difference between the worst division and the even one


def cache_bytes(model: dict, tokens: int) -> int:
    """Bytes that a language model remembers of ``tokens`` tokens.

    ``model`` has ``layers``, ``query_heads``, ``kv_heads``, ``head_size``, ``latent`` (the length of the row that
    stands for keys and values together, or 0 where they are kept as they are) and ``bytes_each``.
    """
    numbers = model["latent"] or 2 * model["kv_heads"] * model["head_size"]
    return tokens * model["layers"] * numbers * model["bytes_each"]


def judge_cache_bytes(answer, rng: np.random.Generator) -> None:
    """A model with all its heads, one that shares keys and values, and one that keeps a latent row."""
    plain, shared, latent = (_language_model(rng, kind) for kind in ("plain", "shared", "latent"))
    for model in (plain, shared, latent):
        tokens = int(rng.integers(1000, 100_000))
        found = finite_number(answer(dict(model), tokens), "A3-1.number")
        exact = cache_bytes(model, tokens)
        if not np.isclose(found, exact, rtol=1e-6):
            raise NotYetError(_why_cache(found / exact, model, tokens), found=found / 1e9, **model)


def _language_model(rng: np.random.Generator, kind: str) -> dict:
    """Sizes of a made-up model, such that no two usual mistakes give the same number."""
    heads = int(rng.choice([24, 40, 56]))
    return {
        "layers": int(rng.choice([26, 38, 46, 62])),
        "query_heads": heads,
        "kv_heads": heads // 4 if kind == "shared" else heads,
        "head_size": int(rng.choice([80, 96, 112])),
        "latent": int(rng.choice([330, 418, 590])) if kind == "latent" else 0,
        "bytes_each": {"plain": 1, "shared": 4, "latent": 4}[kind],
    }


def _why_cache(ratio: float, model: dict, tokens: int) -> str:
    """The hint for an answer that is ``ratio`` times the right one."""
    each, rows = model["bytes_each"], 2 * model["kv_heads"] * model["head_size"]
    mistakes = [("A3-1.tokens", 1 / tokens), ("A3-1.layers", 1 / model["layers"]), ("A3-1.bits", 8)]
    mistakes += [("A3-1.bytes", 1 / each), ("A3-1.bytes", 2 / each)]
    if model["latent"]:
        kept = rows / model["latent"]
        mistakes += [("A3-1.latent", kept), ("A3-1.latent_too", 1 + kept)]
        mistakes += [("A3-1.latent_twice", 2), ("A3-1.latent_heads", model["kv_heads"])]
    else:
        mistakes += [("A3-1.values", 1 / 2), ("A3-1.heads", model["query_heads"] / model["kv_heads"])]
    return next((key for key, factor in mistakes if np.isclose(ratio, factor, rtol=1e-6)), "A3-1.other")


def balance(probabilities):
    """A loss that is 1 when all experts get the same share, and their number when one expert gets everything.

    ``probabilities`` is a torch tensor of inputs × experts, rows that add up to 1. The share of an expert has no
    gradient; its mean probability has (Fedus, Zoph and Shazeer, 2022, *Switch Transformers*, eqs. 4 to 6).
    """
    from torch.nn.functional import one_hot

    experts = probabilities.shape[1]
    share = one_hot(probabilities.argmax(dim=1), experts).float().mean(dim=0)
    return experts * (share * probabilities.mean(dim=0)).sum()


def judge_balance(answer, rng: np.random.Generator) -> None:
    """Let a lopsided router learn from the answer alone: it must come to choose evenly, and go on choosing."""
    inputs, router = _lopsided_router(rng)
    _require_loss(answer, inputs, router)
    one, even = _value(answer, _crowded(inputs, 6)), _value(answer, _crowded(inputs, 1))
    if one < even and not np.isclose(one, even):
        raise NotYetError("A3-2.sign", one=one, even=even)
    before, certain = _use_of(inputs @ router)
    after, still_certain = _use_of(inputs @ _learned(answer, inputs, router))
    if still_certain < _FLATTEST * certain:
        raise NotYetError("A3-2.undecided")
    if np.isclose(one, even):
        raise NotYetError("A3-2.constant", one=one)
    if after < _EVEN:
        raise NotYetError("A3-2.uneven", before=100 * before, after=100 * after)
    if one - even < _HEARD:
        raise NotYetError("A3-2.small", difference=one - even)


def _lopsided_router(rng: np.random.Generator):
    """Inputs (300 × 8) of which the last column is 1, and the weights (8 × 6) of a router with a favourite."""
    import torch

    inputs = rng.normal(size=(300, 8))
    inputs[:, -1] = 1
    weights = rng.normal(size=(8, 6)) * 0.8
    weights[-1] = rng.permutation([5.0, 3.0, 1.0, 0.0, -1.0, -2.0])
    return torch.tensor(inputs, dtype=torch.float32), torch.tensor(weights, dtype=torch.float32, requires_grad=True)


def _crowded(inputs, experts: int):
    """Scores of inputs that all go to the first of six experts, or each to the next one (``experts`` is then 1)."""
    import torch

    numbers = torch.arange(len(inputs)) * (experts == 1) % 6
    return torch.nn.functional.one_hot(numbers, 6).float() * 8


def _value(answer, scores) -> float:
    return finite_number(answer(scores.softmax(dim=1)).detach(), "A3-2.number")


def _require_loss(answer, inputs, router) -> None:
    """Raise `NotYetError` unless the answer is one number from which the router can learn."""
    import torch

    loss = answer((inputs @ router).softmax(dim=1))
    require_something(loss)
    is_tensor = isinstance(loss, torch.Tensor)
    number = finite_number(loss.detach().cpu() if is_tensor else loss, "A3-2.number")
    if not is_tensor or not loss.requires_grad or torch.autograd.grad(loss, router, allow_unused=True)[0] is None:
        raise NotYetError("A3-2.gradient", found=number)


def _learned(answer, inputs, router, steps: int = 120):
    """The router's weights after ``steps`` downhill on the answer and on nothing else.

    Only the direction of the gradient counts, so that an answer may have any scale.
    """
    import torch

    router = router.detach().clone().requires_grad_()
    for step in range(steps):
        (slope,) = torch.autograd.grad(answer((inputs @ router).softmax(dim=1)).sum(), router)
        with torch.no_grad():
            router -= (1 - step / steps) * _STRIDE * slope / (slope.norm() + 1e-12)
    return router.detach()


def _use_of(scores) -> tuple[float, float]:
    """How evenly the experts are used, from 0 to 1, and how far a router is from giving all the same probability."""
    probabilities = scores.detach().softmax(dim=1).numpy()
    count = probabilities.shape[1]
    share = np.bincount(probabilities.argmax(axis=1), minlength=count) / len(probabilities)
    used = share[share > 0]
    entropy = -(used * np.log(used)).sum() / np.log(count)
    return float(entropy), float(probabilities.max(axis=1).mean() - 1 / count)


def interval(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of the mean of ``b - a``, for results of the same seeds in the same order (Student's t)."""
    from scipy import stats

    differences = b - a
    reach = stats.t.ppf(0.975, len(a) - 1) * differences.std(ddof=1) / np.sqrt(len(a))
    return float(differences.mean() - reach), float(differences.mean() + reach)


def judge_interval(answer, rng: np.random.Generator) -> None:
    """Results that rise and fall together from seed to seed; few seeds, then more."""
    for count in (3, 5, int(rng.integers(6, 12))):
        level = rng.normal(70, 5, count)
        a, b = level + rng.normal(0, 1, count), level + rng.normal(rng.choice([-1, 1]) * 2, 1, count)
        low, high = row_of_numbers(answer(a.copy(), b.copy()), 2, "A3-3.pair")
        exact = interval(a, b)
        if not np.allclose([low, high], exact, rtol=0, atol=0.02 * (exact[1] - exact[0])):
            raise NotYetError(_why_interval(low, high, a, b), low=low, high=high, seeds=count)


def _why_interval(low: float, high: float, a: np.ndarray, b: np.ndarray) -> str:
    """The hint for an interval that is not the right one."""
    if not np.isfinite([low, high]).all():
        return "A3-3.pair"
    if low > high:
        return "A3-3.order"
    middle, reach = (low + high) / 2, (high - low) / 2
    scale = (b - a).std(ddof=1)
    if not np.isclose(middle, (b - a).mean(), rtol=0, atol=0.02 * scale):
        return "A3-3.sign" if np.isclose(middle, (a - b).mean(), rtol=0, atol=0.02 * scale) else "A3-3.middle"
    return next((key for key, other in _other_reaches(a, b) if np.isclose(reach, other, rtol=1e-4)), "A3-3.other")


def _other_reaches(a: np.ndarray, b: np.ndarray) -> list[tuple[str, float]]:
    """Half the width of the intervals that usual mistakes give, each with its hint."""
    from scipy import stats

    count = len(a)
    spread = (b - a).std(ddof=1)
    shrunk = (b - a).std()
    apart = np.sqrt(a.var(ddof=1) / count + b.var(ddof=1) / count)
    t = stats.t.ppf(0.975, count - 1)
    welch = stats.ttest_ind(b, a, equal_var=False).confidence_interval()
    return [
        *(("A3-3.root", factor * one) for one in (spread, shrunk) for factor in (1, 1.96, 2, t)),
        *(("A3-3.few", factor * one / np.sqrt(count)) for one in (spread, shrunk) for factor in (1.96, 2)),
        *(("A3-3.unpaired", factor * apart) for factor in (1.96, 2, t, stats.t.ppf(0.975, 2 * count - 2))),
        ("A3-3.unpaired", (welch.high - welch.low) / 2),
        ("A3-3.error", spread / np.sqrt(count)),
        ("A3-3.ddof", t * shrunk / np.sqrt(count)),
        ("A3-3.one_sided", stats.t.ppf(0.95, count - 1) * spread / np.sqrt(count)),
        ("A3-3.freedom", stats.t.ppf(0.975, count) * spread / np.sqrt(count)),
    ]


EXERCISES = {
    "A3-1": Exercise(cache_bytes, judge_cache_bytes),
    "A3-2": Exercise(balance, judge_balance, seconds=5),  # the first judgement may have to import torch
    "A3-3": Exercise(interval, judge_interval),
}
