"""The regression of table 1 of Li et al., 2020, from its printed columns."""

import numpy as np
import pytest

from tests.records_test import ROWS
from tfrobust import reports
from tfrobust.records import LeakingRecord
from tfrobust.reports.indicators import determination

_NORM = [0.199, 0.190, 0.306, 0.262, 1.084, 0.540, 1.952, 2.332]
_COLUMNS = {
    "1 / gradient norm": (
        [0.115, 0.197, 0.157, 0.272, 0.264, 0.248, 1.535, 1.743],
        0.904,
    ),
    "400": ([0.011, 0.020, 0.021, 0.018, 0.037, 0.014, 0.145, 0.152], 0.940),
    # 0.878 in print, from columns that were not rounded.
    "1241": ([0.053, 0.102, 0.103, 0.096, 0.146, 0.060, 0.284, 0.296], 0.876),
    "6351": ([0.333, 0.449, 0.465, 0.628, 0.559, 0.314, 0.588, 0.612], 0.319),
}


@pytest.mark.parametrize("name", _COLUMNS)
def test_the_printed_columns_give_the_printed_numbers(name):
    column, printed = _COLUMNS[name]
    values = column if name.startswith("1 /") else np.sqrt(column)
    assert determination(values, _NORM) == pytest.approx(printed, abs=5e-4)


def _record(model, alpha, gradient_norm, norms):
    record = next(r for r in ROWS if isinstance(r, LeakingRecord))
    fields = vars(record) | {
        "model": model,
        "shares": {"loss gradient": (alpha, 1.0)},
        "mean_gradient_norm": gradient_norm,
        "perturbation_norms": {"ddn": norms},
    }
    return LeakingRecord(**fields)


def test_records_give_what_their_columns_give():
    rows = [
        _record("a", 0.04, 2.0, (1.0, 3.0)),
        _record("b", 0.09, 1.0, (3.0, 3.0)),
        _record("c", 0.16, 0.25, (4.0, 4.0)),
    ]
    found = reports.indicators(rows, "ddn", 1)
    assert found["sqrt(alpha_1)"] == pytest.approx(1.0)  # 2, 3, 4 on .2, .3, .4
    assert found["1 / mean gradient norm"] == pytest.approx(
        determination([0.5, 1.0, 4.0], [2.0, 3.0, 4.0])
    )


def test_too_few_models_or_norms_are_refused():
    rows = [_record(name, 0.1, 1.0, (1.0,)) for name in "ab"]
    with pytest.raises(ValueError, match="at least three.*2"):
        reports.indicators(rows, "ddn", 1)
    rows.append(_record("c", 0.1, 1.0, ()))
    with pytest.raises(ValueError, match="none of c"):
        reports.indicators(rows, "ddn", 1)


def test_the_table_takes_half_of_the_components_all_have():
    records = [
        _record(str(k), alpha, 1.0 / size, (norm,))
        for k, (alpha, size, norm) in enumerate(
            [(0.04, 1.0, 2.0), (0.09, 2.0, 3.0), (0.16, 4.0, 4.0)]
        )
    ]
    rows = reports.indicator_rows(records)
    # sqrt(alpha_1) is a line in the norms; 1, 2, 4 on 2, 3, 4 is not:
    # its correlation is 3 / sqrt(2 * 14 / 3).
    assert rows[1:] == [
        ["ddn", "1 / mean gradient norm", "0.964", "3"],
        ["ddn", "sqrt(alpha_1)", "1.000", "3"],
    ]
    page = reports.html_report(
        reports.Shelf(tuple((str(k), r) for k, r in enumerate(records))), "t"
    )
    assert "sqrt(alpha_1)" in page and "0.964" in page


def test_models_that_do_not_differ_have_no_regression():
    rows = [_record(name, 0.1, 1.0, (1.0,)) for name in "abc"]
    with pytest.raises(ValueError, match="must differ.*1 for each"):
        reports.indicators(rows, "ddn", 1)
    rows[0] = _record("a", 0.1, 0.0, (2.0,))
    with pytest.raises(ValueError, match="no gradient"):
        reports.indicators(rows, "ddn", 1)
