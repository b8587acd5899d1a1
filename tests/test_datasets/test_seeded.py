"""Chance within `seeded` is its seed's, and chance around it goes on as if nothing had been."""

import random

import numpy as np
import pytest

from mmrefseg.datasets.sampling import seeded


def drawn():
    return np.random.random(), np.random.normal(), random.random()


def test_chance_is_that_of_the_seed():
    numpy_seed, python_seed = np.random.SeedSequence((3, 1, 4), spawn_key=(1, )).generate_state(2)
    numpy_own, python_own = np.random.RandomState(numpy_seed), random.Random(int(python_seed))
    with seeded(3, 1, 4):
        assert drawn() == (numpy_own.random(), numpy_own.normal(), python_own.random())
        with seeded(5):
            inner = drawn()
        assert drawn()[::2] == (numpy_own.random(), python_own.random())
    with seeded(5):
        assert drawn() == inner


@pytest.mark.parametrize('generator', [np.random.MT19937(7), np.random.PCG64(7)])
def test_chance_around_it_goes_on(generator):
    before = np.random.get_bit_generator()
    np.random.set_bit_generator(generator)
    try:
        state, python_state = generator.state, random.getstate()
        expected = [(np.random.random(), random.random()) for _ in range(3)]
        generator.state = state
        random.setstate(python_state)
        found = []
        for number in range(3):
            found.append((np.random.random(), random.random()))
            with pytest.raises(KeyError), seeded(number):
                drawn()
                raise KeyError
        assert found == expected
    finally:
        np.random.set_bit_generator(before)
