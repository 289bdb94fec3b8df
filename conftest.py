"""What the examples in docstrings may use."""

import pytest


@pytest.fixture(autouse=True)
def _doctest_names(doctest_namespace):
    import keras
    import numpy as np
    import tensorflow as tf

    import tfrobust

    doctest_namespace.update(keras=keras, np=np, tf=tf, tfrobust=tfrobust)
