"""What a process holds, and what is called growth."""

import dataclasses
import os

import pytest
from watch import growth, sample

FIRST = {"seconds": 60.0, "rss_kb": 9000, "fds": 30, "sockets": 3, "threads": 7}


@pytest.fixture(name="first")
def _first(tmp_path):
    return dataclasses.replace(sample(os.getpid(), tmp_path, 0), **FIRST)


def test_a_process_is_seen_as_it_is(tmp_path):
    (tmp_path / "file").write_bytes(bytes(5000))
    before = sample(os.getpid(), tmp_path, 1.0)
    with open(tmp_path / "file", "rb"):
        after = sample(os.getpid(), tmp_path, 2.0)
    assert after.fds == before.fds + 1
    assert (after.sockets, after.threads) == (before.sockets, before.threads)
    assert after.rss_kb > 1000
    assert (after.data_kb, after.seconds) == (4, 2.0)


def test_the_same_again_is_no_growth(first):
    assert growth(first, dataclasses.replace(first, rss_kb=9500, cpu_s=8.0), 500) == []


@pytest.mark.parametrize("what", ["fds", "sockets", "threads"])
def test_one_more_is_found(first, what):
    (told,) = growth(first, dataclasses.replace(first, **{what: FIRST[what] + 1}), None)
    assert told.startswith(what)


def test_memory_is_judged_where_it_is_asked_for(first):
    last = dataclasses.replace(first, rss_kb=9501)
    assert growth(first, last, None) == []
    (told,) = growth(first, last, 500)
    assert "501 kB" in told
