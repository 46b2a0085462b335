"""How many threads a small prediction takes: the number that was faster, found by trying."""

import numba
import pytest

from minicnn.models import inference_threads
from minicnn.models.inference_threads import EVERY, FIRST, LONG, SELDOM, WINDOW, OneOrAll


@pytest.fixture
def machine(monkeypatch):
    """A machine of four threads: its clock goes on by ``cost[number of threads]`` with each run."""

    class Machine:
        now, threads, cost = 0.0, 4, {1: 0.02, 4: 0.01}

        def set(self, number):
            self.threads = number

        def work(self):
            self.now += self.cost[self.threads]
            return self.threads

    found = Machine()
    monkeypatch.setattr(numba, "get_num_threads", lambda: found.threads)
    monkeypatch.setattr(numba, "set_num_threads", found.set)
    return found


def runs(choice, machine, count):
    return [choice.run(machine.work, lambda: machine.now) for _ in range(count)]


def test_both_are_tried_and_the_faster_stays(machine):
    choice = OneOrAll()
    assert runs(choice, machine, FIRST) == [4, 4, 1, 4, 1, 4]
    assert runs(choice, machine, EVERY - FIRST) == [4] * (EVERY - FIRST)
    assert runs(choice, machine, 2) == [1, 4]  # now and then the other one, and the number is what it was
    assert machine.threads == 4


def test_a_busy_machine_is_noticed_and_a_quiet_one_again(machine):
    choice = OneOrAll()
    runs(choice, machine, EVERY)
    machine.cost = {1: 0.02, 4: 0.045}
    assert runs(choice, machine, 2 * WINDOW)[-1] == 1
    machine.cost = {1: 0.02, 4: 0.01}
    assert runs(choice, machine, SELDOM * WINDOW)[-1] == 4


def test_what_is_much_slower_is_tried_seldom(machine):
    choice, machine.cost = OneOrAll(), {1: 0.021, 4: 0.01}
    found = runs(choice, machine, 2 * SELDOM + 1)
    assert [number for number, threads in enumerate(found) if threads == 1] == [2, 4, SELDOM, 2 * SELDOM]


def test_long_work_is_not_tried_on_one_thread(machine):
    choice, machine.cost = OneOrAll(), {1: 1.0, 4: 1.01 * LONG}
    assert runs(choice, machine, 2 * SELDOM) == [4] * (2 * SELDOM)


def test_one_slow_run_changes_nothing(machine):
    choice = OneOrAll()
    runs(choice, machine, EVERY + 10)
    machine.cost = {1: 0.02, 4: 1.0}
    runs(choice, machine, 1)
    machine.cost = {1: 0.02, 4: 0.01}
    assert runs(choice, machine, 5) == [4] * 5


def test_the_first_run_which_compiles_does_not_count(machine):
    choice, machine.cost = OneOrAll(), {1: 0.02, 4: 1000.0}
    runs(choice, machine, 1)
    machine.cost = {1: 0.02, 4: 0.01}
    assert runs(choice, machine, FIRST)[1:4] == [1, 4, 1]
    assert 1000.0 not in choice._seconds[False]


def test_who_has_set_one_thread_keeps_it(machine):
    machine.threads = 1
    assert runs(OneOrAll(), machine, 2 * FIRST) == [1] * (2 * FIRST)


def test_an_error_leaves_the_number_of_threads(machine):
    choice = OneOrAll()
    for _ in range(2 * FIRST):
        with pytest.raises(ZeroDivisionError):
            choice.run(lambda: 1 / 0)
        assert machine.threads == 4


def test_without_a_time_there_is_a_choice():
    assert inference_threads._median([]) == 0  # nothing was measured
    assert inference_threads._median([3.0, 1.0, 2.0]) == 2
