"""What may be shown of a definition: no secret by name or form, nothing that is of no use to people."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploytool.backend.compose.render.mask import looks_secret, showable
from deploytool.backend.compose.render.yaml_text import to_yaml

SALT = b"salt"
SHA = "0123456789abcdef" * 4


def shown(service: dict, salt: bytes = SALT, **sections) -> str:
    return to_yaml(showable({"name": "shop", "services": {"web": service}, **sections}, salt))


@pytest.mark.parametrize(
    "name",
    [
        *("PASSWORD", "DB_PASS", "PGPASSWORD", "mysqlPasswd", "MYSQL_PWD", "PASSPHRASE", "APP_SECRET"),
        *("SECRET_KEY_BASE", "GITHUB_TOKEN", "API_KEY", "apikey", "api-key", "PRIVATE_KEY", "ENCRYPTION_KEY"),
        *("AWS_ACCESS_KEY_ID", "GOOGLE_CREDENTIALS", "SENTRY_DSN", "REDIS_AUTH", "CONNECTION_STRING"),
        *("ERLANG_COOKIE", "traefik.http.middlewares.door.basicauth.users", "Authorization", "--requirepass"),
    ],
)
def test_names_that_look_secret(name):
    """However it is spelled."""
    assert looks_secret(name)
    assert "hunter2" not in shown({"environment": {name: "hunter2"}})


@pytest.mark.parametrize(
    "name",
    ["GREETING", "HOST", "PORT", "POSTGRES_PASSWORD_FILE", "KEY_PATH", "PASSIVE_PORTS", "KEYCLOAK_HOST"],
)
def test_names_that_do_not(name):
    """Also the name of a file with a secret is none."""
    assert not looks_secret(name)
    assert f"{name}: hello" in shown({"environment": {name: "hello"}})


@pytest.mark.parametrize(
    ("value", "visible"),
    [
        ("postgres://app:hunter2@db/app", "postgres://[masked]@db/app"),
        ("https://hunter2@git.example.com/x", "https://[masked]@git.example.com/x"),
        ("postgres://app:hun@ter2/hunter2@db/app", "postgres://[masked]@db/app"),
        ("app:hunter2@tcp(db:3306)/app", "app:[masked]@tcp(db:3306)/app"),
        ("host=db password=hunter2 hunter2", "host=db password=[masked]"),
        ('{"user": "x", "token": "hunter2"}', '{"user": "x", "token": [masked]'),
        ("Authorization: Bearer hunter2", "Authorization: [masked]"),
        ("server --db-password hunter2", "server --db-password [masked]"),
        ("server --db-password=hunter2", "server --db-password=[masked]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----", "[masked]"),
        ("demo/web:1@sha256:" + SHA, "demo/web:1@sha256:" + SHA),
        ("registry.example.com:5000/shop/web:1", "registry.example.com:5000/shop/web:1"),
        ("http://token-service:8080/", "http://token-service:8080/"),
    ],
)
def test_values_that_carry_a_secret(value, visible):
    """Whatever the variable is called; what is no secret stays to be read."""
    found = showable({"services": {"web": {"environment": {"X": value}}}}, SALT)
    text = found["services"]["web"]["environment"]["X"]
    assert "hunter2" not in text
    assert re.sub(r"\[masked \w+\]", "[masked]", text) == visible


def test_a_word_after_a_secret_option_is_masked():
    """In a command line, which is a list."""
    text = shown({"command": ["server", "--requirepass", "hunter2", "--port", "80"]})
    assert "hunter2" not in text
    assert '"80"' in text


def test_secrets_are_masked_in_every_part():
    """Labels, build arguments, log and volume options, a list of variables."""
    service = {
        "labels": {"app.token": "hunter2"},
        "build": {"args": {"NPM_TOKEN": "hunter2"}},
        "logging": {"options": {"splunk-token": "hunter2"}},
        "environment": ["PASSWORD=hunter2"],
    }
    assert "hunter2" not in shown(service, volumes={"v": {"driver_opts": {"o": "user=a,password=hunter2"}}})


def test_a_change_is_visible_and_a_value_cannot_be_tried():
    """Equal values look equal in one run, other values differ, and another run's salt makes all differ."""
    texts = [
        shown({"environment": {"PASSWORD": value}}, salt)
        for value, salt in (("a", b"1"), ("a", b"1"), ("b", b"1"), ("a", b"2"))
    ]
    assert texts[0] == texts[1]
    assert len(set(texts)) == 3


def test_an_empty_secret_is_shown_as_empty():
    """That there is none is worth to know, and no secret."""
    assert 'PASSWORD: ""' in shown({"environment": {"PASSWORD": ""}})


def test_our_labels_are_left_out_and_others_stay():
    """They are hashes, of no use to people."""
    ours = {"deploytool.spec": "1:abc", "deploytool.keys": "{}"}
    assert shown({"labels": {**ours, "a": "b"}}) == shown({"labels": {"a": "b"}})
    assert shown({"labels": ours}) == shown({})


def test_a_secrets_file_has_no_hash_that_could_be_tried_and_others_a_short_one():
    """The hash of a short password is as good as the password."""
    file = f"/var/lib/deploytool/shop/files/{SHA}/x"
    document = {
        "configs": {"c": {"file": file}},
        "secrets": {"s": {"file": file}, "password": {"file": file}},
    }
    text = to_yaml(showable(document, SALT))
    assert text.count(SHA[:12]) == 1
    assert SHA not in text
    assert len(re.findall(r"files/\[masked \w{6}\]/x", text)) == 2


def test_grants_and_names_of_secrets_stay():
    """A name is no secret."""
    document = {
        "services": {"token": {"secrets": [{"source": "password", "target": "/run/secrets/password"}]}}
    }
    assert showable(document, SALT) == document


@given(st.text(min_size=1).filter(str.strip))
def test_no_value_under_a_secret_name_is_ever_shown(value):
    """Any text."""
    found = showable({"services": {"web": {"environment": {"PASSWORD": value}}}}, SALT)
    assert re.fullmatch(r"\[masked \w{6}\]", found["services"]["web"]["environment"]["PASSWORD"])
