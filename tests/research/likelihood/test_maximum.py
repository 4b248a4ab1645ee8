import numpy as np
import pytest
from scipy.special import digamma, gammaln, polygamma

from safar.research.likelihood.maximum import Array, NoMaximum, maximise


class GammaSample:
    """Numbers drawn from a gamma distribution, whose information in its parameters is known in closed form."""

    def __init__(self, size: int, shape: float, rate: float) -> None:
        drawn = np.random.default_rng(3).gamma(shape, 1 / rate, size)
        self.size, self.total, self._logs = size, drawn.sum(), np.log(drawn).sum()

    def __call__(self, parameters: Array) -> tuple[float, Array]:
        shape, rate = parameters
        value = self.size * (shape * np.log(rate) - gammaln(shape)) + (shape - 1) * self._logs - rate * self.total
        gradient = [self.size * (np.log(rate) - digamma(shape)) + self._logs, self.size * shape / rate - self.total]
        return float(value), np.array(gradient)


@pytest.mark.parametrize("start", [(1.0, 1.0), (30.0, 0.01), (2.0, 5.0)])
def test_the_gradient_is_nothing_at_the_maximum_wherever_the_search_began(start):
    sample = GammaSample(500, 2.0, 5.0)
    found = maximise(sample, np.array(start), sample.size)
    assert sample(found.parameters)[1] * found.parameters == pytest.approx(0, abs=1e-6)
    assert found.log_likelihood == sample(found.parameters)[0]
    assert found.parameters == pytest.approx([2.0, 5.0], rel=0.2)


def test_the_curvature_is_the_information_in_the_logarithms():
    sample = GammaSample(500, 2.0, 5.0)
    found = maximise(sample, np.array([1.0, 1.0]), sample.size)
    shape, _ = found.parameters
    information = [[shape**2 * polygamma(1, shape), -shape], [-shape, shape]]
    assert found.curvature == pytest.approx(np.array(information), rel=1e-6)


@pytest.mark.parametrize("start", [(2.1, 5.2), (200.0, 0.001)], ids=["close by", "nowhere near"])
def test_a_curvature_known_from_elsewhere_leads_to_the_same_maximum(start):
    sample = GammaSample(500, 2.0, 5.0)
    expected = maximise(sample, np.array([1.0, 1.0]), sample.size)
    elsewhere = maximise(GammaSample(50, 2.2, 4.0), np.array([1.0, 1.0]), 50)
    found = maximise(sample, np.array(start), sample.size, elsewhere.curvature)
    assert found.parameters == pytest.approx(expected.parameters, rel=1e-9)
    assert found.curvature == pytest.approx(expected.curvature, rel=1e-5)


def test_a_likelihood_that_rises_for_ever_has_no_maximum():
    with pytest.raises(NoMaximum):
        maximise(lambda at: (float(np.log(at).sum()), 1 / at), np.array([1.0, 1.0]), 1)


def test_a_flat_likelihood_has_no_maximum():
    with pytest.raises(NoMaximum):
        maximise(lambda at: (0.0, np.zeros_like(at)), np.array([1.0, 1.0]), 1)
