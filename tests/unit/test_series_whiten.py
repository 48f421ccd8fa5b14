import numpy as np
import pytest
from scipy import stats

from kosmos_nb.inquiry.series import autocorrelation, whiten
from kosmos_nb.inquiry.series.autoregression import fit, unit_root_p


def autoregressive(rng, n, memory, steps=None):
    steps = rng.standard_normal(n + 200) if steps is None else steps
    y = np.zeros(n + 200)
    for row in range(1, n + 200):
        y[row] = memory * y[row - 1] + steps[row]
    return y[200:]


@pytest.mark.parametrize("n", [60, 300])
@pytest.mark.parametrize("kind", ["memory", "walk", "trend", "season", "gaps"])
def test_innovations_have_no_memory_left(kind, n):
    left, kept = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        t = np.arange(n)
        y = {
            "memory": lambda: autoregressive(rng, n, 0.9),  # noqa: B023
            "walk": lambda: np.cumsum(rng.standard_normal(n)),  # noqa: B023
            "trend": lambda: 8 * (t / n) ** 2 + rng.standard_normal(n),  # noqa: B023
            "season": lambda: 2 * np.sin(t / 12 * 2 * np.pi) + rng.standard_normal(n),  # noqa: B023
            "gaps": lambda: np.where(rng.random(n) < 0.2, np.nan, autoregressive(rng, n, 0.9)),  # noqa: B023
        }[kind]()
        innovations = whiten(y).values
        kept.append(np.mean(~np.isnan(innovations)))
        left.append(autocorrelation(innovations)[0])
    assert abs(np.mean(left)) < 0.12
    # A season that is not there (1 in 50) costs a cycle of rows, so this holds on average.
    assert np.mean(kept) > (0.65 if kind == "gaps" else 0.8)


def test_a_random_walk_is_nonstationary_and_noise_is_not():
    rng = np.random.default_rng(1)
    assert whiten(np.cumsum(rng.standard_normal(300))).is_nonstationary
    noise = whiten(rng.standard_normal(300))
    assert not noise.is_nonstationary
    assert not noise.has_trend
    assert noise.season is None


@pytest.mark.parametrize("around", ["nothing", "an alternation", "a little noise"])
def test_a_line_is_a_trend_and_neither_a_walk_nor_a_season(around):
    t = np.arange(100.0)
    rest = {
        "nothing": np.zeros(100),
        "an alternation": 0.3 * (t % 2),
        "a little noise": 0.01 * np.random.default_rng(1).standard_normal(100),
    }[around]
    found = whiten(0.02 * t + 14 + rest)
    assert found.has_trend
    assert not found.is_nonstationary
    assert found.season is None


def test_alternations_do_not_wander_and_their_innovations_have_no_memory():
    left = []
    for seed in range(30):
        found = whiten(autoregressive(np.random.default_rng(seed), 200, -0.97))
        assert not found.is_nonstationary
        left.append(autocorrelation(found.values)[0])
    assert abs(np.mean(left)) < 0.05


def test_a_season_of_twelve_is_named():
    rng = np.random.default_rng(2)
    months = rng.standard_normal(12) * 2
    found = whiten(months[np.arange(240) % 12] + rng.standard_normal(240))
    assert found.season is not None
    assert found.season == pytest.approx(12, abs=0.1)


def test_one_wild_value_leaves_the_innovations_of_the_others_as_they_were():
    rng = np.random.default_rng(3)
    y = autoregressive(rng, 300, 0.8)
    wild = y.copy()
    wild[150] += 1e6
    calm, shaken = whiten(y).values, whiten(wild).values
    others = np.r_[10:150, 160:300]
    assert stats.spearmanr(calm[others], shaken[others])[0] > 0.95


def test_a_constant_and_an_empty_column_come_back():
    assert np.all(whiten(np.full(50, 3.0)).values == 0)
    assert np.all(np.isnan(whiten(np.full(50, np.nan)).values))


def test_coefficients_are_those_of_statsmodels():
    from statsmodels.tsa.ar_model import AutoReg

    y = autoregressive(np.random.default_rng(4), 300, 0.7)
    ours = fit(y, y - y.mean(), np.ones((300, 1)), np.arange(300) >= 2, 2)
    for order in range(1, len(ours.by_order)):
        theirs = AutoReg(y, lags=order, hold_back=2).fit().params[1:]
        assert ours.by_order[order] == pytest.approx(theirs, rel=1e-6)


def test_the_unit_root_t_is_that_of_statsmodels():
    from statsmodels.tsa.stattools import adfuller

    y = np.cumsum(np.random.default_rng(5).standard_normal(200))
    ours = fit(y, y - y.mean(), np.ones((200, 1)), np.arange(200) >= 1, 1)
    assert ours.tau == pytest.approx(adfuller(y, maxlag=0, autolag=None)[0], rel=1e-6)


@pytest.mark.parametrize("tau", [-3.5, -5.0, -12.0, -25.0])
def test_the_unit_root_p_is_that_of_statsmodels(tau):
    from statsmodels.tsa.adfvalues import mackinnonp

    assert unit_root_p(tau) == pytest.approx(mackinnonp(tau, "ct"), rel=1e-6, abs=1e-20)


def test_pairs_of_independent_walks_look_associated_no_more_often_than_chance():
    found = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        x, y = (whiten(np.cumsum(rng.standard_normal(100))).values for _ in range(2))
        keep = ~(np.isnan(x) | np.isnan(y))
        found += stats.spearmanr(x[keep], y[keep])[1] < 0.05
    assert found / 200 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_a_series_that_nearly_all_its_steps_leave_where_it_is_has_innovations():
    years = np.repeat(np.arange(1970.0, 2010.0), 10)
    assert np.all(np.isfinite(whiten(years).values[20:]))


@pytest.mark.parametrize("period", [2, 4])
def test_what_only_repeats_itself_leaves_nothing_to_test(period: int) -> None:
    values = np.tile(np.arange(period, dtype=float), 240 // period)
    new = whiten(values).values
    assert np.unique(new[~np.isnan(new)]).tolist() == [0.0]
