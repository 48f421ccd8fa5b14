"""What a user names in a question is there, or one line says what is nearest."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from kosmos_nb.core import ResearchError
from kosmos_nb.inquiry import Claim, Question, ask
from kosmos_nb.inquiry.caveats import CODES
from kosmos_nb.inquiry.naming import check_columns
from kosmos_nb.reporters.words import CAVEATS

FRAME = pd.DataFrame({"weight": [1, 2], "age": [3, 4], "sex": ["f", "m"], 0: [5, 6]})


@pytest.fixture
def asked():
    def make(data=FRAME, **changes):
        usual = {
            "text": "", "target": None, "hypotheses": None, "engine": "auto", "alpha": 0.05, "smallest": 0.1,
            "seed": 0, "unit": None, "time": None, "control": (), "ignore": (), "reference": None,
            "allow": (), "families": (), "split": False,
        }  # fmt: skip
        return ask(data, "df", **(usual | changes))

    return make


@pytest.fixture
def checked():
    def check(**asked):
        names = [str(name) for name in FRAME.columns]
        return check_columns(Question(**asked), names, left_out=["odd: mixed types"], data_name="df")

    return check


def test_a_number_is_a_cap_and_text_is_hypotheses(asked):
    assert asked(hypotheses=7) == Question(cap=7)
    (claim,) = asked(hypotheses="weight ~ +AGE | 0").claims
    assert (claim.y, claim.x, claim.given, claim.sign) == ("weight", "age", ("0",), "+")
    both = asked(hypotheses=["weight ~ age", "weight ~ sex"])
    assert [one.x for one in both.claims] == ["age", "sex"]
    assert both.cap is None


@pytest.mark.parametrize("data", [FRAME[["age", "sex"]], pl.from_pandas(FRAME[["age", "sex"]])])
def test_the_columns_of_any_table_can_be_named(asked, data):
    assert asked(data, hypotheses="age ~ sex").claims
    assert asked(pa.table({"age": [1], "sex": [2]}), hypotheses="age ~ sex").claims


def test_one_name_or_several_are_the_same_to_every_list(asked):
    question = asked(control="age", ignore=pd.Index([0]), allow="order", families=["lag", "spread", "lag"])
    assert (question.control, question.ignore, question.allow) == (("age",), ("0",), ("order",))
    assert question.families == ("spread", "lag")
    assert asked(control=0, reference=np.int64(3)).control == ("0",)
    assert asked(reference=3).reference == "3"
    nothing = asked(control=None, ignore=None, allow=None, families=None)
    assert nothing == asked()


def test_numbers_of_numpy_are_numbers(asked):
    question = asked(hypotheses=np.int64(3), seed=np.uint8(4), alpha=np.float32(0.5), split=np.bool_(True))
    assert (question.cap, question.seed, question.alpha, question.split) == (3, 4, 0.5, True)
    assert [type(one) for one in (question.cap, question.seed, question.split)] == [int, int, bool]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"engine": "claude"}, "Claude comes with a later version"),
        ({"engine": "statistic"}, "Did you mean statistics?"),
        ({"engine": None}, "There is auto, statistics."),
        ({"allow": "simpsons"}, "no caveat code 'simpsons'. Did you mean simpson?"),
        ({"allow": ["order", "ordre"]}, "Did you mean order?"),
        ({"families": "survivl"}, "Did you mean survival?"),
        ({"families": "association"}, "no family to ask for 'association'"),
        ({"hypotheses": []}, "no hypothesis here"),
        ({"hypotheses": ["weight ~ age", 3]}, "A hypothesis is text, not 3"),
        ({"hypotheses": "weight ~ agee"}, "Did you mean 'age'?"),
        ({"data": {"a": 1}, "hypotheses": "a ~ b"}, "df is a builtins.dict, not a table"),
        ({"data": pl.LazyFrame({"a": [1]}), "hypotheses": "a ~ b"}, r"df.collect\(\)"),
    ],
)
def test_what_is_not_known_is_one_clear_error(asked, changes, said):
    with pytest.raises(ResearchError, match=said):
        asked(**changes)


def test_columns_are_named_as_the_table_names_them_each_once(checked):
    found = checked(unit="sex", time=0, control=("age", "age"), ignore=())
    assert (found.unit, found.time, found.control) == ("sex", "0", ("age",))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"unit": "sexx"}, "df has no column 'sexx'. Did you mean 'sex'?"),
        ({"time": "age2"}, "Did you mean 'age'?"),
        ({"control": ("age", "wait")}, "Did you mean 'weight'?"),
        ({"ignore": ("zzz",)}, "df has no column 'zzz'. It has weight, age, sex, 0"),
        ({"unit": "odd"}, "cannot be researched: odd: mixed types"),
        ({"claims": (Claim(y="age", x="odd"),)}, "cannot be researched"),
        ({"target": "age", "ignore": ("age",)}, "'age' is to be ignored, and is named by target"),
        ({"control": ("age",), "ignore": ("age",)}, "named by control"),
        ({"claims": (Claim(y="age", x="sex", by="0"),), "ignore": ("0",)}, "named by a hypothesis"),
        ({"target": "age", "control": ("age",)}, "The target 'age' cannot be held fixed"),
    ],
)
def test_a_column_that_is_not_there_or_not_to_be_used_is_one_clear_error(checked, asked, said):
    with pytest.raises(ResearchError) as caught:
        checked(**asked)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_caveat_code_has_its_meaning_in_words():
    assert set(CAVEATS) == set(CODES)
