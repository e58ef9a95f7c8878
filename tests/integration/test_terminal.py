"""The chat in the terminal, driven through a pseudo-terminal and read back from its screen."""

import os
import signal
import stat
import termios

import pytest

from support import terminal as keys
from support.deadline import eventually
from support.terminal import Terminal, environment

WIDTHS = pytest.mark.parametrize("cols", [80, 20])


@pytest.fixture
def open_terminal(tmp_path):
    """open_terminal(server, *arguments) is a terminal with a parla in it. Those with the same
    `account` share what is kept in its home."""
    terminals = []

    def start(server, *arguments, account="one", cols=80, rows=24, **env):
        address = server if isinstance(server, str) else server.address
        home = tmp_path / account
        home.mkdir(exist_ok=True)
        settings = environment(home, address, **env)
        terminals.append(Terminal(settings, *arguments, cols=cols, rows=rows))
        return terminals[-1]

    yield start
    for one in terminals:
        one.close()


@pytest.fixture
def enter(open_terminal):
    """enter(server, "ana") is the same, signed in under that name and in the lobby."""

    def start(server, name, **options):
        found = open_terminal(server, account=options.pop("account", name), **options)
        found.until("your name")
        found.enter(name)
        found.until(f"you are {name};"[: found.screen.columns - 2], "#lobby>")
        return found

    return start


def fresh_mode():
    """The settings of a terminal that nobody has touched."""
    main, other = os.openpty()
    try:
        return termios.tcgetattr(other)[:4]
    finally:
        os.close(main)
        os.close(other)


def said(screen, line):
    """How often the screen holds such a line, whatever the time before it."""
    return sum(shown.endswith(line) for shown in screen.lines())


# The way in


def test_it_asks_for_a_name_and_enters_the_lobby(parlad, open_terminal):
    screen = open_terminal(parlad())
    screen.until("your name:")
    assert screen.cursor() == (len("your name: "), 0)
    screen.enter("ana")
    screen.until("you are ana; /help tells what you can do", "#lobby>")
    screen.enter("hello")
    screen.until("ana: hello")


def test_it_shows_the_last_20_messages_and_then_what_comes(parlad, enter, sign_in):
    server = parlad()
    bob = sign_in(server, "bob")
    for i in range(25):
        bob.send("lobby", f"old {i}.")
    screen = enter(server, "ana")
    screen.until("bob: old 24.")
    bob.send("lobby", "new.")
    screen.until("bob: new.")
    assert [said(screen, f"bob: old {i}.") for i in range(25)] == [0] * 5 + [1] * 20
    assert said(screen, "bob: new.") == 1


def test_no_server_at_the_first_start(open_terminal):
    screen = open_terminal("127.0.0.1:1")
    assert screen.end() == 3
    text = " ".join(screen.text().split())
    assert "no server at 127.0.0.1:1; run ./start-server.sh in another terminal" in text
    assert screen.raw.endswith(b"\n")


def test_a_bad_name_is_explained(parlad, open_terminal):
    screen = open_terminal(parlad())
    screen.until("your name")
    screen.enter("no name")
    screen.until("a name is 1 to 32 of a-z")
    screen.enter("Ana")
    screen.until("you are ana;")


def test_a_name_that_is_taken_is_asked_for_again(parlad, open_terminal, sign_in):
    server = parlad()
    sign_in(server, "ana")
    screen = open_terminal(server)
    screen.until("your name")
    screen.enter("ana")
    screen.until("that name is taken", "your name:")
    screen.enter("ana2")
    screen.until("you are ana2;")


def test_the_last_name_is_offered_and_its_session_kept(parlad, enter, open_terminal, tmp_path):
    server = parlad()
    first = enter(server, "ana", account="one")
    first.enter("/join friends")
    first.until("#friends>")
    first.enter("/quit")
    assert first.end() == 0
    again = open_terminal(server, account="one")
    again.until("your name [ana]:")
    again.enter("")
    again.until("you are ana;")
    again.enter("/switch friends")
    again.until("#friends>")
    tokens = list((tmp_path / "one").rglob("*.token"))
    assert [token.name for token in tokens] == ["ana.token"]
    assert stat.S_IMODE(tokens[0].stat().st_mode) == 0o600


def test_two_chats_of_one_account_are_two_people(parlad, enter, open_terminal):
    server = parlad()
    ana = enter(server, "ana", account="one")
    other = open_terminal(server, account="one")
    other.until("your name [ana2]:")
    other.enter("ana")
    other.until("ana is another chat of yours", "your name [ana2]:")
    other.enter("")
    other.until("you are ana2;")
    other.enter("two of us")
    ana.until("ana2: two of us")


def test_a_name_on_the_command_line_is_not_asked_for(parlad, open_terminal):
    screen = open_terminal(parlad(), "--user", "ana")
    screen.until("you are ana;", "#lobby>")
    assert "your name" not in screen.text()


# Talking


@WIDTHS
def test_two_people_chat(parlad, enter, cols):
    server = parlad()
    ana, bob = enter(server, "ana", cols=cols), enter(server, "bob", cols=cols)
    for i in range(3):
        ana.enter(f"ping {i}")
        bob.until(f"ana: ping {i}")
        bob.enter(f"pong {i}")
        ana.until(f"bob: pong {i}")
    assert [line.split(": ")[-1] for line in ana.lines() if "ping" in line or "pong" in line] == [
        "ping 0", "pong 0", "ping 1", "pong 1", "ping 2", "pong 2"
    ]  # fmt: skip
    ana.until_line("#lobby>")


@WIDTHS
@pytest.mark.parametrize(
    "typed", ["a line", "漢字かな", "e\u0301a\u0308o", "👍👍", "\u05e9\u05dc\u05d5\u05dd"]
)
def test_what_is_typed_survives_what_is_printed(parlad, enter, sign_in, cols, typed):
    """Prompt, text and cursor are where they were, under the new message."""
    server = parlad()
    bob = sign_in(server, "bob")
    screen = enter(server, "ana", cols=cols)
    screen.type(typed)
    line = "#lobby> " + typed
    shown = line.replace("e\u0301", "é").replace("a\u0308", "ä")
    screen.until_line(shown)
    column = screen.cursor()[0]
    for i in range(30):
        bob.send("lobby", f"no. {i}")
    screen.until("bob: no. 29")
    screen.until_line(shown)
    assert screen.cursor()[0] == column
    assert sum(row == shown for row in screen.shown()) == 1
    screen.type(keys.LEFT + "|")
    screen.until_line(shown[:-1] + "|" + shown[-1])
    screen.type(keys.BACKSPACE)
    screen.until_line(shown)
    screen.enter("")
    screen.until("ana: " + typed.replace("e\u0301", "é").replace("a\u0308", "ä"))


def test_a_long_line_takes_several_rows(parlad, enter, sign_in):
    server = parlad()
    bob = sign_in(server, "bob")
    screen = enter(server, "ana", cols=20)
    typed = "0123456789" * 4
    screen.type(typed)
    rows = ["#lobby> 012345678901", "23456789012345678901", "23456789"]

    def at_the_bottom():
        bottom = screen.cursor()[1]
        return screen.shown()[bottom - 2 : bottom + 1] == rows

    screen.wait(at_the_bottom, "the three rows")
    assert screen.cursor()[0] == 8
    bob.send("lobby", "hello")
    screen.until("bob: hello")
    screen.wait(at_the_bottom, "the three rows")
    assert "".join(screen.lines()).count("0123456789") == 4
    screen.type(keys.CTRL_A + keys.CTRL_K)
    screen.until_line("#lobby>")
    assert "0123456789" not in screen.text()


def test_a_full_row_does_not_confuse_the_cursor(parlad, enter, sign_in):
    server = parlad()
    bob = sign_in(server, "bob")
    screen = enter(server, "ana", cols=20)
    screen.type("x" * 12)
    screen.wait(lambda: screen.cursor()[0] == 0, "the cursor on the next row")
    bob.send("lobby", "hello")
    screen.until("bob: hello")
    screen.type(keys.BACKSPACE)
    screen.until_line("#lobby> " + "x" * 11)
    assert screen.cursor()[0] == 19
    assert screen.text().count("x") == 11


@WIDTHS
def test_a_paste_is_one_message(parlad, enter, sign_in, cols):
    server = parlad()
    bob = sign_in(server, "bob")
    stream = bob.live("lobby")
    screen = enter(server, "ana", cols=cols)
    screen.paste("a\r\nb\rc\n")
    screen.until_line("#lobby> a↵b↵c")
    screen.enter("!")
    assert stream.texts(1) == ["a\nb\nc!"]
    screen.until("ana: a", "│ b", "│ c!")


def test_the_window_gets_another_size(parlad, enter, sign_in):
    server = parlad()
    bob = sign_in(server, "bob")
    screen = enter(server, "ana", cols=80)
    screen.type("0123456789012345")
    screen.until_line("#lobby> 0123456789012345")
    screen.resize(20, 10)
    screen.wait(lambda: screen.line() == "2345" and screen.cursor()[0] == 4, "the line in 20")
    bob.send("lobby", "hello")
    screen.until("bob: hello")
    screen.resize(60, 24)
    screen.until_line("#lobby> 0123456789012345")
    screen.enter("6")
    screen.until("ana: 01234567890123456")


def test_keys_of_the_line_editor(parlad, enter):
    screen = enter(parlad(), "ana")
    screen.type("one two three" + keys.CTRL_W + keys.CTRL_A + "zero ")
    screen.until_line("#lobby> zero one two")
    screen.type(keys.END + keys.BACKSPACE + "!" + keys.HOME + keys.DELETE + keys.RIGHT + keys.BACKSPACE)
    screen.until_line("#lobby> ro one two!")
    screen.type("\x1bf\x1bd")  # a word forward, then one deleted
    screen.until_line("#lobby> ro two!")
    screen.type(keys.CTRL_U)
    screen.until_line("#lobby>")
    screen.type("\x1b[15~\x1b[1;2Aok")  # keys that are not bound leave nothing
    screen.until_line("#lobby> ok")


def test_history_is_a_key_away(parlad, enter):
    screen = enter(parlad(), "ana")
    screen.enter("first")
    screen.enter("second")
    screen.until("ana: second")
    screen.type(keys.UP)
    screen.until_line("#lobby> second")
    screen.type(keys.UP)
    screen.until_line("#lobby> first")
    screen.type(keys.DOWN)
    screen.until_line("#lobby> second")
    screen.enter("!")
    screen.until("ana: second!")


def test_completion(parlad, enter, sign_in):
    server = parlad()
    bob = sign_in(server, "barnabas")
    bob.send("lobby", "here I am")
    screen = enter(server, "ana")
    screen.until("here I am")
    screen.type("/cr" + keys.TAB)
    screen.until_line("#lobby> /create")
    screen.type(keys.CTRL_U + "/s" + keys.TAB)
    screen.until("one of: /signout /switch")
    screen.until_line("#lobby> /s")
    screen.type(keys.CTRL_U + "/msg ba" + keys.TAB + "x")
    screen.until_line("#lobby> /msg barnabas x")
    screen.type(keys.CTRL_U + "hello @ba" + keys.TAB + "!")
    screen.until_line("#lobby> hello @barnabas !")
    screen.type(keys.CTRL_U + "/switch lo" + keys.TAB + "x")
    screen.until_line("#lobby> /switch lobby x")


def test_what_others_wrote_is_never_raw(parlad, enter, sign_in):
    server = parlad()
    bob = sign_in(server, "bob")
    screen = enter(server, "ana")
    mark = len(screen.raw)
    bob.send("lobby", "\x1b[2J\x1b]0;owned\x07\u202egnp.exe \x9b31m\x7f done")
    screen.until("done")
    assert "bob: \\x1b[2J\\x1b]0;owned\\x07\\u202egnp.exe \\x9b31m\\x7f done" in screen.text()
    raw = screen.raw[mark:].decode()
    assert not {"\x07", "\u202e", "\x9b", "\x7f"} & set(raw)
    assert "\x1b[2J" not in raw and "\x1b]" not in raw
    bob.send("lobby", "true\n23:59 ana: forged")
    screen.until("forged")
    assert "      │ 23:59 ana: forged" in screen.lines()


def test_a_new_day_has_a_line(parlad, enter):
    screen = enter(parlad(), "ana")
    screen.enter("hello")
    screen.until("ana: hello")
    lines = [line for line in screen.lines() if line.startswith("--- ")]
    assert len(lines) == 1
    at = screen.lines().index(lines[0])
    assert screen.lines()[at + 1].endswith("ana: hello")


def test_no_colour_where_it_is_not_wanted(parlad, enter):
    server = parlad()
    plain = enter(server, "ana", NO_COLOR="1")
    plain.enter("hello")
    plain.until("ana: hello")
    assert b"m" not in [plain.raw[i + 1 :].lstrip(b"[0123456789;")[:1] for i in find_all(plain.raw)]
    colourful = enter(server, "bob")
    colourful.until("ana: hello")
    assert b"\x1b[0m" in colourful.raw


def find_all(raw):
    """Where escape sequences begin."""
    return [i for i, byte in enumerate(raw) if byte == 0x1B]


# Rooms


def test_talk_privately(parlad, enter, sign_in):
    """It reaches Ana now, or when she comes back."""
    server = parlad()
    bob = enter(server, "bob")
    ana = enter(server, "ana")
    bob.enter("/msg ana hello")
    ana.until("@bob bob: hello")
    bob.until("@ana bob: hello")
    ana.enter("/quit")
    assert ana.end() == 0
    bob.enter("/msg ana are you there?")
    bob.until("@ana bob: are you there?")
    back = enter(server, "ana")
    back.until("@bob bob: are you there?")
    back.enter("/switch @bob")
    back.until_line("@bob>")
    back.enter("here I am")
    bob.until("@ana ana: here I am")
    back.until("ana: here I am")
    assert said(back, "@bob bob: hello") == 0
    assert said(back, "@bob bob: are you there?") == 1


def test_talk_in_a_group(parlad, enter):
    server = parlad()
    ana, bob = enter(server, "ana"), enter(server, "bob")
    for person in (ana, bob):
        person.enter("/join friends")
        person.until("you are in #friends")
        person.until_line("#friends>")
    ana.until("* bob joined")
    bob.enter("hello, friends")
    ana.until("bob: hello, friends")
    ana.enter("/switch lobby")
    ana.until_line("#lobby>")
    bob.enter("and more")
    ana.until("#friends bob: and more")
    bob.enter("/leave")
    bob.until("you have left #friends")
    bob.until_line("#lobby>")
    ana.until("#friends * bob left")


def test_subscribe_and_catch_up(parlad, enter, sign_in):
    """Join, go away, come back: what was said meanwhile is there, exactly once."""
    server = parlad()
    ana = enter(server, "ana")
    ana.enter("/join friends")
    ana.until("#friends>")
    carl = sign_in(server, "carl")
    carl.join("friends")
    carl.send("friends", "before.")
    ana.until("carl: before.")
    ana.enter("/quit")
    assert ana.end() == 0
    for i in range(30):
        carl.send("friends", f"meanwhile {i}.")
    back = enter(server, "ana")
    carl.send("friends", "after.")
    back.until("carl: after.")
    assert [said(back, f"carl: meanwhile {i}.") for i in range(30)] == [1] * 30
    assert said(back, "carl: before.") == 0
    assert said(back, "carl: after.") == 1


def test_joining_shows_what_was_said(parlad, enter, sign_in):
    server = parlad()
    carl = sign_in(server, "carl")
    carl.create("news")
    for i in range(25):
        carl.send("news", f"item {i}.")
    screen = enter(server, "ana")
    screen.enter("/join news")
    screen.until("carl: item 24.")
    screen.enter("thanks")
    screen.until("ana: thanks")
    assert [said(screen, f"carl: item {i}.") for i in range(25)] == [0] * 5 + [1] * 20


def test_find_who_is_around_and_which_rooms(parlad, enter, sign_in):
    server = parlad()
    screen = enter(server, "ana")
    sign_in(server, "carl").live()
    screen.enter("/who")
    screen.until("online: 2", "  ana", "  carl")
    screen.enter("/create help --one")
    screen.until("you are in #help; each message goes to one of those who take")
    screen.enter("/rooms")
    screen.until("* #help  1 member, each message to one", "* #lobby  2 members")


def test_one_of_us_please(parlad, enter, sign_in):
    """Each message of such a room is shown to exactly one who takes."""
    server = parlad()
    asker = sign_in(server, "asker")
    helpers = [enter(server, name) for name in ("ana", "bob")]
    for one, command in zip(helpers, ("/create help --one", "/join help")):
        one.enter(command)
        one.until("#help>")
    asker.join("help")
    for i in range(10):
        asker.send("help", f"question {i}.")

    def shown():
        return [said(one, f"asker: question {i}.") for i in range(10) for one in helpers]

    def all_shown():
        for one in helpers:
            one.poll()
        return sum(shown()) == 10

    eventually(all_shown)
    pairs = shown()
    assert [a + b for a, b in zip(pairs[::2], pairs[1::2])] == [1] * 10
    # shown is acknowledged: nothing is left for who comes now
    helpers[0].enter("my own")
    helpers[1].until("ana: my own")
    helpers[0].until("ana: my own")


def test_history_on_request(parlad, enter, sign_in):
    server = parlad()
    carl = sign_in(server, "carl")
    for i in range(30):
        carl.send("lobby", f"line {i}.")
    screen = enter(server, "ana")
    screen.until("carl: line 29.")
    screen.enter("/history 25")
    screen.until("the last 25 messages:", "the end of the history")
    assert [said(screen, f"carl: line {i}.") for i in (4, 5, 9, 10, 29)] == [0, 1, 1, 2, 2]
    screen.enter("/history x")
    screen.until("/history N")


def test_slashes(parlad, enter, sign_in):
    server = parlad()
    bob = sign_in(server, "bob")
    stream = bob.live("lobby")
    screen = enter(server, "ana")
    screen.enter("//x")
    screen.enter("/xyz is no command")
    screen.until("no command /xyz, nothing was sent")
    screen.enter("/help")
    screen.until("/signout", "//TEXT")
    screen.enter("after")
    assert stream.texts(2) == ["/x", "after"]


def test_refusals_are_shown(parlad, enter):
    screen = enter(parlad(), "ana")
    screen.enter("/msg nobody hello")
    screen.until("! there is no such user", "not sent to @nobody: hello")
    screen.enter("/leave")
    screen.until("! nobody leaves the lobby")
    screen.enter("/switch nowhere")
    screen.until("you are not in #nowhere; /join nowhere enters it")
    screen.paste("x" * (16 * 1024 + 3))
    screen.enter("")
    screen.until("that is 3 bytes too long; nothing was sent")


# The way out


def test_control_c_and_control_d(parlad, enter):
    screen = enter(parlad(), "ana")
    screen.type("half")
    screen.until_line("#lobby> half")
    screen.type(keys.CTRL_C)
    screen.until_line("#lobby>")
    assert "leaves" not in screen.text()
    screen.type(keys.CTRL_C)
    screen.until("/quit or Ctrl-D leaves")
    screen.type("ab" + keys.LEFT + keys.CTRL_D)  # deletes while there is a line
    screen.until_line("#lobby> a")
    screen.type(keys.CTRL_U + keys.CTRL_D)
    assert screen.end() == 0
    assert "half" not in screen.text()


def test_signing_out_frees_the_name(parlad, enter, sign_in, tmp_path):
    server = parlad()
    screen = enter(server, "ana")
    screen.enter("/signout")
    assert screen.end() == 0
    assert "signed out; the name ana is free again" in screen.text()
    assert not list(tmp_path.rglob("*.token"))
    sign_in(server, "ana")


@pytest.mark.parametrize("how", ["quit", "TERM", "HUP", "ABRT", "QUIT"])
def test_the_terminal_is_restored(parlad, enter, how):
    screen = enter(parlad(), "ana")
    assert screen.mode() != fresh_mode()
    assert keys.PASTE_ON.encode() in screen.raw
    screen.type("half a line")
    screen.until_line("#lobby> half a line")
    if how == "quit":
        screen.type(keys.CTRL_U)
        screen.enter("/quit")
        expected = 0
    else:
        number = getattr(signal, "SIG" + how)
        screen.tell(number)
        expected = 128 + number if how in ("TERM", "HUP") else -number
    assert screen.end() == expected
    assert screen.mode() == fresh_mode()
    assert screen.raw.rindex(keys.PASTE_OFF.encode()) > screen.raw.rindex(keys.PASTE_ON.encode())


def test_it_can_be_suspended(parlad, enter, sign_in):
    server = parlad()
    screen = enter(server, "ana")
    screen.type("half")
    screen.until_line("#lobby> half")
    screen.type(keys.CTRL_Z)
    screen.until_stopped()
    assert screen.mode() == fresh_mode()
    sign_in(server, "bob").send("lobby", "meanwhile")
    screen.tell(signal.SIGCONT)
    screen.until("bob: meanwhile")
    screen.until_line("#lobby> half")
    assert screen.mode() != fresh_mode()


# A connection that breaks


def test_a_restart_of_the_server_loses_and_doubles_nothing(parlad, enter, sign_in):
    server = parlad()
    screen = enter(server, "ana")
    carl = sign_in(server, "carl")
    carl.send("lobby", "before.")
    screen.until("carl: before.")
    server.stop()
    screen.until("the connection was lost", "trying again at")
    screen.enter("mine 1.")
    screen.enter("mine 2.")
    screen.until("… mine 1.", "… mine 2.")
    server.start()
    carl.reconnect()
    carl.send("lobby", "meanwhile.")
    screen.until("connected again", "carl: meanwhile.", "ana: mine 2.")
    carl.send("lobby", "after.")
    screen.until("carl: after.")
    for line in ("carl: before.", "carl: meanwhile.", "ana: mine 1.", "ana: mine 2."):
        assert said(screen, line) == 1, screen.text()
    assert "…" not in screen.text()
    texts = [message.text for message in carl.messages("lobby", ascending=True)]
    assert [text for text in texts if text.startswith("mine")] == ["mine 1.", "mine 2."]


def test_quitting_lists_what_was_not_sent(parlad, enter):
    server = parlad()
    screen = enter(server, "ana")
    server.stop()
    screen.until("the connection was lost")
    screen.enter("never sent")
    screen.enter("/msg bob nor this")
    screen.until("… never sent", "… @bob nor this")
    screen.enter("/quit")
    assert screen.end() == 0
    lines = screen.lines()
    at = lines.index("not sent:")
    assert lines[at + 1 : at + 3] == ["  #lobby never sent", "  @bob nor this"]


def test_a_session_that_ended_asks_for_a_name_and_keeps_the_lines(
    parlad, enter, sign_in, tmp_path
):
    server = parlad()
    screen = enter(server, "ana")
    token = next(tmp_path.rglob("ana.token")).read_text().strip()
    sign_in(server, "ana", token=token).sign_out()
    screen.until("you are signed out", "your name")
    screen.enter("ana")
    screen.until_line("#lobby>")
    screen.enter("I am back")
    screen.until("ana: I am back")
