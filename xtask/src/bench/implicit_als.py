"""Times the iALS of the `implicit` package on the rows that ours was timed on, and measures both by the same code.

Arguments: TRAIN TEST OURS FACTORS ITERATIONS REGULARIZATION WEIGHT THREADS, where OURS holds shoppers.f32 and items.f32.
Prints one JSON object. The caller sets OPENBLAS_NUM_THREADS=1, as the package asks for.
"""

import json
import sys
import time

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix

train_file, test_file, ours, factors, iterations, regularization, weight, threads = sys.argv[1:]
factors, iterations, threads = int(factors), int(iterations), int(threads)
K, MEASURED, BATCH = 20, 10_000, 1_000


def rows(path):
    with open(path) as lines:
        next(lines)
        pairs = [line.split(",i") for line in lines]
    return np.array([int(s[1:]) for s, _ in pairs]), np.array([int(i) for _, i in pairs])


shoppers, items = rows(train_file)
test_shoppers, test_items = rows(test_file)
shape = (shoppers.max() + 1, items.max() + 1)
train = csr_matrix((np.full(len(items), float(weight), np.float32), (shoppers, items)), shape=shape)
known = test_items < shape[1]
wanted = csr_matrix((np.ones(known.sum()), (test_shoppers[known], test_items[known])), shape=shape)
sizes = np.bincount(test_shoppers, minlength=shape[0])


def fit(rounds):
    model = AlternatingLeastSquares(
        factors=factors,
        regularization=float(regularization),
        alpha=1.0,
        iterations=rounds,
        num_threads=threads,
        random_state=1,
        dtype=np.float32,
    )
    started = time.perf_counter()
    model.fit(train, show_progress=False)
    return model, time.perf_counter() - started


def ndcg(of_shoppers, of_items):
    gains = 1 / np.log2(np.arange(K) + 2)
    total, count = 0.0, 0
    for start in range(0, min(MEASURED, shape[0]), BATCH):
        batch = np.arange(start, min(start + BATCH, shape[0]))
        scores = of_shoppers[batch] @ of_items.T
        for place, shopper in enumerate(batch):
            scores[place, train.indices[train.indptr[shopper] : train.indptr[shopper + 1]]] = -np.inf
        best = np.argpartition(-scores, K, axis=1)[:, :K]
        order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1, kind="stable")
        best = np.take_along_axis(best, order, 1)
        for place, shopper in enumerate(batch):
            liked = wanted.indices[wanted.indptr[shopper] : wanted.indptr[shopper + 1]]
            if sizes[shopper]:
                total += gains[np.isin(best[place], liked)].sum() / gains[: min(K, sizes[shopper])].sum()
                count += 1
    return total / count


fit(1)
model, seconds = fit(iterations)
load = lambda name, count: np.fromfile(f"{ours}/{name}", np.float32).reshape(count, factors)
print(
    json.dumps(
        {
            "fit_s": seconds,
            "ndcg_theirs": ndcg(model.user_factors, model.item_factors),
            "ndcg_ours": ndcg(load("shoppers.f32", shape[0]), load("items.f32", shape[1])),
            "version": __import__("implicit").__version__,
        }
    )
)
