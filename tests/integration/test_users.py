"""Finding users: one, those whose names begin so, those who are around."""

import pytest

from support.contract import api
from support.deadline import eventually
from support.refusal import refused


def names(users):
    """Their names, in the order given."""
    return [user.user for user in users]


def test_a_user_is_told_of(guest):
    ana, bob = guest("ana"), guest("bob")
    seen = bob.user(ana.name)
    assert seen.user == ana.name
    assert seen.user_id == ana.user_id
    assert seen.kind == api.USER_KIND_GUEST


def test_no_name_means_the_caller(guest):
    ana = guest("ana")
    assert ana.user() == ana.user(ana.name)


def test_a_user_who_is_not_there_is_not_found(guest, fresh):
    ana = guest("ana")
    with refused("NOT_FOUND", "USER_NOT_FOUND"):
        ana.user(fresh("nobody"))


def test_a_user_who_signed_out_is_not_found(guest):
    ana, bob = guest("ana"), guest("bob")
    ana.sign_out()
    with refused("NOT_FOUND", "USER_NOT_FOUND"):
        bob.user(ana.name)
    assert ana.name not in names(bob.pages("ListUsers", "users"))


@pytest.mark.parametrize("name", ["Ana", "1a", "a b", "é", "a" * 33, "@a"])
def test_an_impossible_name_is_called_so(guest, name):
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "user"):
        guest("ana").user(name)


def test_who_never_streamed_was_never_seen(guest):
    ana = guest("ana")
    user = ana.user()
    assert not user.online
    assert not user.HasField("last_seen_time")


def test_online_is_who_has_a_stream_open(guest):
    ana, bob = guest("ana"), guest("bob")
    first, second = ana.live(), ana.live("lobby")
    assert bob.user(ana.name).online
    first.cancel()
    assert bob.user(ana.name).online
    second.cancel()
    eventually(lambda: not bob.user(ana.name).online)
    eventually(lambda: bob.user(ana.name).HasField("last_seen_time"))


def test_online_ends_when_the_connection_breaks(guest):
    ana, bob = guest("ana"), guest("bob")
    ana.live()
    assert bob.user(ana.name).online
    ana.channel.close()
    eventually(lambda: not bob.user(ana.name).online)


def test_online_only_lists_those_with_a_stream(guest, fresh):
    prefix = fresh("o") + "."
    there, away, looker = guest(prefix + "a"), guest(prefix + "b"), guest("looker")
    stream = there.live()
    both = looker.pages("ListUsers", "users", prefix=prefix)
    assert names(both) == [there.name, away.name]
    assert [user.online for user in both] == [True, False]
    online = looker.pages("ListUsers", "users", prefix=prefix, online_only=True)
    assert names(online) == [there.name]
    assert online[0].online and online[0].user_id == there.user_id
    stream.cancel()
    eventually(
        lambda: not looker.call("ListUsers", prefix=prefix, online_only=True).users,
    )


@pytest.mark.parametrize("online_only", [False, True])
def test_users_come_by_name_page_after_page(guest, fresh, online_only):
    prefix = fresh("p") + "."
    people = [guest(prefix + letter) for letter in "cabedfg"]
    if online_only:
        for person in people:
            person.live()
    looker = people[0]
    wanted = sorted(person.name for person in people)
    pages = []
    token = ""
    while True:
        page = looker.call(
            "ListUsers", prefix=prefix, page_size=3, page_token=token, online_only=online_only
        )
        pages.append(names(page.users))
        token = page.next_page_token
        if not token:
            break
    assert [len(page) for page in pages] == [3, 3, 1]
    assert sum(pages, []) == wanted


def test_a_page_may_end_exactly_at_the_last(guest, fresh):
    prefix = fresh("q") + "."
    people = [guest(prefix + letter) for letter in "ab"]
    page = people[0].call("ListUsers", prefix=prefix, page_size=2)
    assert names(page.users) == [person.name for person in people]
    rest = people[0].pages("ListUsers", "users", prefix=prefix, page_size=2)
    assert names(rest) == [person.name for person in people]


def test_a_prefix_is_no_pattern(guest, fresh):
    prefix = fresh("r")
    plain, dotted = guest(prefix + "xa"), guest(prefix + "_a")
    found = names(plain.pages("ListUsers", "users", prefix=prefix + "_"))
    assert found == [dotted.name]
    assert names(plain.pages("ListUsers", "users", prefix=fresh("none"))) == []


def test_a_page_is_never_more_than_a_thousand(guest):
    ana = guest("ana")
    assert len(ana.call("ListUsers", page_size=4_000_000_000).users) <= 1000


@pytest.mark.parametrize("token", ["x", "!!!", "A" * 255, "A" * 3000, "é"])
def test_a_made_up_page_token_is_refused(guest, token):
    with refused("INVALID_ARGUMENT", field="page_token"):
        guest("ana").call("ListUsers", page_token=token)
