"""Equal numbers told apart once: what is dear to work out is worked out for each of them, and looked up."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from safar.research.likelihood.maximum import Array


def distinct(numbers: Array) -> tuple[Array, NDArray[np.intp]]:
    """The numbers that occur, as they come, and for each of `numbers` which of these it is: found[of] == numbers."""
    of, found = pd.factorize(numbers)
    return np.asarray(found), of
