#!/usr/bin/env python3
"""Makes search.json: the densities of optuna's Parzen estimators, as its TPESampler has them by default.

    pip install optuna; python3 make_search_fixtures.py
"""

import json
import math
import pathlib

import numpy
import optuna
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.sampler import default_weights

D = optuna.distributions
CASES = [
    ("uniform", D.FloatDistribution(0.0, 2.0), [0.3, 1.9, 0.31, 1.0], [0.0, 0.29, 0.8, 1.5, 2.0]),
    ("uniform", D.FloatDistribution(-1.0, 1.0), [], [-1.0, 0.2]),
    ("uniform", D.FloatDistribution(0.0, 1.0), [((i * 37) % 100) / 100 for i in range(40)], [0.05, 0.5, 0.93]),
    ("log", D.FloatDistribution(1e-5, 1e-1, log=True), [1e-4, 3e-3, 2e-4, 9e-2, 1e-5], [1e-5, 1.5e-4, 1e-2, 1e-1]),
    ("int", D.IntDistribution(0, 6), [0, 3, 3, 5], [0, 1, 2, 3, 6]),
    ("choice", D.CategoricalDistribution([2, 4, 8]), [4, 4, 8], [2, 4, 8]),
    ("choice", D.CategoricalDistribution([2, 4, 8]), [], [4]),
]


def parameters():
    known = {
        "consider_prior": True, "prior_weight": 1.0, "consider_magic_clip": True, "consider_endpoints": False,
        "weights": default_weights, "multivariate": False, "categorical_distance_func": {},
    }
    return _ParzenEstimatorParameters(**{k: v for k, v in known.items() if k in _ParzenEstimatorParameters._fields})


def main():
    out = []
    for kind, distribution, values, points in CASES:
        internal = lambda xs: numpy.array([distribution.to_internal_repr(x) for x in xs], dtype=float)
        estimator = _ParzenEstimator({"x": internal(values)}, {"x": distribution}, parameters())
        densities = estimator.log_pdf({"x": internal(points)})
        ends = distribution.choices if kind == "choice" else [distribution.low, distribution.high]
        out.append(
            {
                "kind": kind, "range": list(ends), "values": values, "points": points,
                "log_densities": [float(d) for d in densities],
            }
        )  # fmt: skip
        assert all(math.isfinite(d) for d in densities)
    pathlib.Path(__file__).with_name("search.json").write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
