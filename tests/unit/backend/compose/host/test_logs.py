"""The script that prints what replicas wrote: every line once, by time, whatever is in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from deploytool.errors import HostUnreachable
from deploytool.model.log import Live, LogLine, LogQuery
from tests.unit.backend.compose.host.fake_docker import FakeHost, identity

WEB = LogQuery((("shop", "web"),))
LINES = {
    "plain": "GET / 200",
    "spaces": "  two  spaces  ",
    "json": '{"level":"error","msg":"can\'t open \\"C:\\\\x\\""}',
    "controls": "\x1b[31mred\x1b[0m\tand\x01\x7f",
    "unicode": "Grüße 世界",
    "nothing": "",
    "long": "x" * 5000,
    "long of quotes": '"\\' * 2000,
    "like sed": "s/a/b/;p & \\1 \\n",
}


@pytest.fixture
def fake(fake: FakeHost) -> FakeHost:
    """Two replicas of web and one of db, which wrote what is in files."""
    names = [("web", 1), ("web", 2), ("db", 3)]
    for service in ("web", "db"):
        known = [
            f"{identity(number)[::-1]} {name} {number} shop shop-{name}-{number} Up 5 seconds"
            for name, number in names
            if name == service
        ]
        fake.answer(f"'docker ps'*service={service}*", said="\n".join(known))
    for _, number in names:
        one = identity(number)[::-1]
        fake.rules.append(f"case $asked in 'docker logs'*{one}) cat written-{one} || :; exit ;; esac\n")
        written(fake, number)
    fake.answer("nothing")
    return fake


def written(fake: FakeHost, number: int, *lines: tuple[int, str]) -> None:
    """The lines of a replica, each with its second."""
    text = "".join(f"{when(second)} {line}\n" for second, line in lines)
    (fake.plugins / f"written-{identity(number)[::-1]}").write_text(text)


def when(second: int) -> str:
    return f"2026-11-25T13:57:{second:02}.759353023Z"


def told(fake: FakeHost, query: LogQuery = WEB) -> Sequence[LogLine | Live]:
    feed = fake.engine.logs(query)
    try:
        return list(feed)
    finally:
        feed.close()


@pytest.mark.parametrize("text", LINES.values(), ids=LINES)
def test_a_line_comes_as_it_was_written(fake: FakeHost, text: str) -> None:
    """However long, and whatever is in it."""
    written(fake, 1, (1, text), (2, "after"))
    assert told(fake) == [
        LogLine(when(1), text, "shop", "web", 1, "shop-web-1"),
        LogLine(when(2), "after", "shop", "web", 1, "shop-web-1"),
    ]


def test_lines_of_several_replicas_are_in_order_of_time(fake: FakeHost) -> None:
    """Those of one that was not asked for are not there."""
    written(fake, 1, (1, "a"), (4, "d"))
    written(fake, 2, (2, "b, with a comma"), (3, "c" * 2000))
    written(fake, 3, (2, "not asked for"))
    lines = [one for one in told(fake) if isinstance(one, LogLine)]
    assert [(one.text[:1], one.number) for one in lines] == [("a", 1), ("b", 2), ("c", 2), ("d", 1)]
    assert len(lines[2].text) == 2000


def test_bytes_that_are_no_text_are_replaced(fake: FakeHost) -> None:
    """The line around them is whole, also where a long one is cut within a character."""
    path = fake.plugins / f"written-{identity(1)[::-1]}"
    path.write_bytes(f"{when(1)} a".encode() + b"\xff\xe2" + b"b\n" + f"{when(2)} {'ü' * 2000}\n".encode())
    lines = [one.text for one in told(fake) if isinstance(one, LogLine)]
    assert lines == ["a\ufffd\ufffdb", "ü" * 2000]


def test_what_docker_says_itself_has_no_time(fake: FakeHost) -> None:
    """It is shown before what was written."""
    path = fake.plugins / f"written-{identity(1)[::-1]}"
    path.write_text(f"this logging driver cannot be read\n{when(1)} a\n")
    assert [(one.when, one.text) for one in told(fake) if isinstance(one, LogLine)] == [
        ("", "this logging driver cannot be read"),
        (when(1), "a"),
    ]


def test_the_options_reach_docker(fake: FakeHost) -> None:
    """The number of lines and the time they begin; an end only where the rest is followed.

    Docker takes the last lines first and then leaves out those after an end, so there would be too few.
    """
    fake.replace("noted", 'echo "$*" >>"$(dirname "$0")/noted-words"')
    fake.rules.insert(0, "case $asked in 'docker logs'*) ./noted $asked ;; esac\n")
    fake.answer("'docker events'*")
    db = LogQuery((("shop", "db"),), "5m", 20)
    told(fake, db)
    words = (fake.plugins / "noted-words").read_text()
    assert f"--tail 20 --since 5m {identity(3)[::-1]}\n" in words
    with pytest.raises(HostUnreachable):
        told(fake, replace(db, follow=True))
    before, after, *_ = (fake.plugins / "noted-words").read_text().removeprefix(words).splitlines()
    (end,) = re.findall(r"--until (\d+)", before)
    assert f"--follow --since {end} " in after


def test_following_tells_when_all_that_was_written_is_told(fake: FakeHost) -> None:
    """And ends with an error where the engine ends its events."""
    written(fake, 1, (1, "before"))
    fake.answer("'docker events'*")
    heard = []
    with pytest.raises(HostUnreachable, match="the Docker engine does not answer"):
        for one in fake.engine.logs(LogQuery(WEB.services, follow=True)):
            heard.append(one)
    assert heard[:2] == [LogLine(when(1), "before", "shop", "web", 1, "shop-web-1"), Live()]


def test_a_replica_that_starts_meanwhile_is_followed(fake: FakeHost) -> None:
    """One of a service that was not asked for is not."""
    new = "f" * 64
    other = "e" * 64
    (fake.plugins / f"written-{new}").write_text(f"{when(5)} hello\n")
    fake.answer(
        "'docker events'*",
        said=f"1795000000000000000 start {other} db 4 shop shop-db-4\n"
        f"1795000000000000001 start {new} web 5 shop shop-web-5",
    )
    fake.rules.append(f"case $asked in 'docker logs'*{new}) cat written-{new}; exit ;; esac\n")
    fake.answer("nothing")
    heard = []
    with pytest.raises(HostUnreachable):
        for one in fake.engine.logs(LogQuery(WEB.services, follow=True)):
            heard.append(one)
    assert LogLine(when(5), "hello", "shop", "web", 5, "shop-web-5") in heard


def test_an_engine_that_does_not_answer_is_an_error(fake: FakeHost) -> None:
    """Not a project without a line."""
    fake.rules.insert(0, "case $asked in 'docker version'*) echo 'Cannot connect' >&2; exit 1 ;; esac\n")
    fake.answer("nothing")
    with pytest.raises(HostUnreachable, match="does not answer"):
        told(fake)


def test_events_begin_when_nothing_is_missed_any_more(fake: FakeHost) -> None:
    """They come as Docker's JSON, and end with an error."""
    event = (
        '{"Action":"die","Actor":{"ID":"c1","Attributes":{"exitCode":"3","name":"shop-web-1"}},'
        '"timeNano":1795000000500000000}'
    )
    fake.answer("'docker events'*", said=f"{event}\nno JSON")
    feed = fake.engine.events()
    heard = []
    with pytest.raises(HostUnreachable, match="ended its events"):
        for one in feed:
            heard.append(one)
    (died,) = heard
    assert (died.action, died.id, died.exit_code, died.time_s) == ("die", "c1", 3, 1795000000.5)


def test_events_of_an_engine_that_is_down_do_not_begin(fake: FakeHost) -> None:
    """With the reason."""
    fake.answer("'docker version'*", errors="permission denied while trying to connect", code=1)
    with pytest.raises(HostUnreachable, match="no permission to use Docker"):
        fake.engine.events()
