"""The analyst's answers keep to the published schema and make sense on plain cases."""

import json
import pathlib

import jsonschema
import pytest

from koi_analyst.model import LEARN_EVERY, Analyst

DOCS = pathlib.Path(__file__).parents[3] / "docs" / "advice"
QUESTION = json.loads((DOCS / "question.schema.json").read_text())
ANSWER = json.loads((DOCS / "answer.schema.json").read_text())


def question(**members):
    base = {
        "version": 1,
        "id": "7",
        "at": "2026-01-31T08:00:00.000Z",
        "answer_by": "2026-01-31T08:00:03.000Z",
        "language": "en",
        "bought": [{"kind": "green tea", "times": 5, "days_ago": 2, "price": "1-9"}, {"kind": "soap", "times": 1}],
    }
    whole = {**base, **members}
    jsonschema.validate(whole, QUESTION)
    return whole


def choice(*items, **members):
    options = [{"id": str(n), "items": [item]} for n, item in enumerate(items, 1)]
    return question(kind="choice", options=options, **members)


@pytest.mark.parametrize(
    ("asked", "best"),
    [
        (choice("tea cups", "hammer", "diapers"), "1"),
        (choice("hammer", "black tea"), "2"),
        (choice("锤子", "绿茶", language="zh", bought=[{"kind": "红茶", "times": 3}]), "2"),
    ],
)
def test_a_choice_goes_to_what_is_alike(asked, best):
    answer = Analyst().answer(asked)
    jsonschema.validate(answer, ANSWER)
    probabilities = answer["probabilities"]
    assert max(probabilities, key=probabilities.get) == best
    assert abs(sum(probabilities.values()) - 1) < 1e-9


def test_prizes_come_in_order_each_once():
    prizes = [
        {"code": code, "name": name, "category": category, "price": "10-49"}
        for code, name, category in [("h", "Hammer", "tools"), ("t", "Tea set", "tea"), ("x", "Thing", "")]
    ]
    answer = Analyst().answer(question(kind="rank", prizes=prizes))
    jsonschema.validate(answer, ANSWER)
    assert answer["order"][0] == "t" and sorted(answer["order"]) == ["h", "t", "x"]


def test_what_is_bought_together_is_learned():
    analyst = Analyst()
    for n in range(LEARN_EVERY):
        together = [["phone", "case"], ["pan", "lid"]][n % 2]
        analyst.answer(choice("a", "b", bought=[{"kind": kind, "times": 1, "days_ago": 1} for kind in together]))
    answer = analyst.answer(choice("lid", "case", bought=[{"kind": "phone", "times": 1, "days_ago": 1}]))
    assert answer["probabilities"]["2"] > 0.6


def test_odd_questions_have_an_answer_or_none():
    analyst = Analyst()
    assert analyst.answer({"id": "1", "kind": "riddle"}) is None
    for bought in ([], [{"kind": " ", "times": 1}], [{"kind": "tea", "times": 1, "returned": 5}]):
        probabilities = analyst.answer(choice("a", "b", bought=bought))["probabilities"]
        assert abs(probabilities["1"] - 0.5) < 0.5
