"""What a shopper would rather have, judged by names and by what is bought together.

Two things speak for a product: how alike its name is to what was bought (TF-IDF over character n-grams, which needs no
word boundaries and so does Chinese too), and how often kinds of things were bought by the same shoppers in the questions
seen so far (cosine between kinds over shoppers). What was bought often and lately counts more, what was returned less.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Iterable

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity

QUESTIONS_KEPT = 2_000
"""Questions whose purchases are remembered."""

LEARN_EVERY = 50
"""New questions after which what is bought together is counted anew."""

HALF_LIFE_DAYS = 60.0
SHARPNESS = 4.0
"""By how much a product that is wholly alike is likelier than one that is not at all, as a logarithm."""


def _weights(bought: list[dict[str, Any]]) -> pd.Series:
    """How much each kind of thing that was bought counts."""
    if not bought:
        return pd.Series(dtype=float)
    lines = pd.DataFrame(bought).reindex(columns=["kind", "times", "days_ago", "returned"])
    lines = lines.fillna({"days_ago": HALF_LIFE_DAYS, "returned": 0, "times": 1})
    kept = (lines["times"] - lines["returned"]).clip(lower=0)
    weight = np.log1p(kept) * 0.5 ** (lines["days_ago"] / HALF_LIFE_DAYS)
    weight.index = lines["kind"]
    return weight.groupby(level=0).sum()


class Analyst:
    """Answers questions; remembers the purchases of the latest ones."""

    def __init__(self) -> None:
        self._seen: deque[pd.Series] = deque(maxlen=QUESTIONS_KEPT)
        self._new = 0
        self._together = pd.DataFrame()

    def answer(self, question: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to a question; None to a kind of question that is not known."""
        weights = _weights(question.get("bought", []))
        self._learn(weights)
        answer: dict[str, Any] = {"question": question["id"], "analyst": "koi-analyst-python"}
        if question["kind"] == "choice":
            options = question["options"]
            worth = np.array([np.mean(self._worth(weights, option["items"])) for option in options])
            raised = np.exp(SHARPNESS * (worth - worth.max()))
            shares = raised / raised.sum()
            answer["probabilities"] = {option["id"]: float(p) for option, p in zip(options, shares)}
            return answer
        if question["kind"] == "rank":
            prizes = question["prizes"]
            names = [f"{prize['category']} {prize['name']}".strip() for prize in prizes]
            worth = self._worth(weights, names)
            order = sorted(range(len(prizes)), key=lambda place: (-worth[place], place))
            answer["order"] = [prizes[place]["code"] for place in order]
            return answer
        return None

    def _worth(self, weights: pd.Series, names: Iterable[str]) -> np.ndarray:
        """From 0 to about 1, how well each name fits what was bought."""
        names = list(names)
        if weights.empty or weights.sum() <= 0 or not names:
            return np.zeros(len(names))
        kinds = list(weights.index)
        try:
            vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3)).fit_transform(kinds + names)
        except ValueError:  # Nothing but blanks.
            return np.zeros(len(names))
        alike = cosine_similarity(vectors[len(kinds) :], vectors[: len(kinds)])
        known = self._together.reindex(index=names, columns=kinds).fillna(0.0).to_numpy()
        share = (weights / weights.sum()).to_numpy()
        return np.maximum(alike, known) @ share

    def _learn(self, weights: pd.Series) -> None:
        if weights.empty:
            return
        self._seen.append(weights)
        self._new += 1
        if self._new < LEARN_EVERY:
            return
        self._new = 0
        table = pd.DataFrame(list(self._seen)).fillna(0.0)
        table = table.loc[:, ~table.columns.duplicated()]
        self._together = pd.DataFrame(cosine_similarity(table.T), index=table.columns, columns=table.columns)
