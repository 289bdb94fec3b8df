"""What papers expect against records made to agree and to differ."""

import dataclasses

import pytest

from tests.records_test import ROWS
from tfrobust import reports
from tfrobust.records import CovarianceRecord
from tfrobust.records import CurvatureRecord
from tfrobust.records import EvaluationRecord
from tfrobust.records import LeakingRecord
from tfrobust.records import TrainingRecord
from tfrobust.reports.expectations import expectation_rows


def _row(kind, **changes):
    record = next(r for r in ROWS if isinstance(r, kind))
    return dataclasses.replace(record, **changes)


def _verdicts(*records):
    shelf = reports.Shelf(tuple((f"run{k}", r) for k, r in enumerate(records)))
    return [row[2] for row in expectation_rows(shelf)[1:]]


@pytest.mark.parametrize(
    "values, verdict",
    [([0.5, 0.4, 0.45], "confirmed"), ([0.4, 0.5], "not confirmed")],
)
def test_the_first_epochs_share_is_the_highest(values, verdict):
    history = {"loss": [1.0] * len(values), "gradient_leaking_8": values}
    assert _verdicts(_row(TrainingRecord, history=history)) == [verdict]
    assert _verdicts(_row(TrainingRecord, history={"loss": [1.0]})) == []


@pytest.mark.parametrize(
    "pgd, verdict", [(1.0, "confirmed"), (2.5, "not confirmed")]
)
def test_perturbations_are_correlated_over_fewer_pixels(pgd, verdict):
    lengths = {"pgd": ((pgd,),), "images": ((2.0,),), "none": ((None,),)}
    names = [f.name for f in dataclasses.fields(CovarianceRecord)]
    nothing = dict.fromkeys(names, {}) | {"model": "m"}
    record = CovarianceRecord(**nothing | {"decay_length": lengths})
    assert _verdicts(record) == [verdict]


def _model(name, robust, entry, share):
    """Return a model's three records: four images, so many robust."""
    evaluation = _row(EvaluationRecord, model=name, model_digest=name)
    attack = dataclasses.replace(
        evaluation.attacks[0],
        robust=tuple(k < robust for k in range(4)),
        perturbation_norm=(0.1,) * 4,
    )
    same = {"model": name, "model_digest": name, "data": "digits"}
    return (
        dataclasses.replace(evaluation, clean=(True,) * 4, attacks=(attack,)),
        _row(
            CurvatureRecord,
            mean_jacobian_entry=entry,
            mean_eigenvalue_size=None,
            **same,
        ),
        _row(LeakingRecord, shares={"loss gradient": (share,) * 50}, **same),
    )


def test_models_are_put_in_order_by_what_an_attack_left():
    good = [_model("a", 1, 0.3, 0.2), _model("b", 3, 0.1, 0.6)]
    assert _verdicts(*good[0], *good[1]) == ["confirmed", "confirmed"]
    # The more robust one has the larger Jacobian and the smaller share.
    odd = [_model("a", 1, 0.1, 0.6), _model("b", 3, 0.3, 0.2)]
    assert _verdicts(*odd[1], *odd[0]) == ["not confirmed"] * 2
    # One model alone, or one that nobody attacked, tells nothing.
    assert _verdicts(*good[0]) == []
    assert _verdicts(*good[0], good[1][1], good[1][2]) == []
