"""m2m_idp/env.py: what the environment may say, and how nonsense is refused."""

import base64
import ipaddress
import json
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from m2m_idp import env
from m2m_idp.env_services import SharedCache
from tests.fetching.certificates import Authority

KEY = bytes(range(32))
KEYED = f"k1:{base64.b64encode(KEY).decode()}"
REAL = {
    "PUBLIC_URL": "https://idp.example.com",
    "SECRET_KEY": "s" * 50,
    "KEY_ENCRYPTION_KEYS": KEYED,
    "SECRET_PEPPERS": KEYED,
}
SECRETS = ("SECRET_KEY", "KEY_ENCRYPTION_KEYS", "SECRET_PEPPERS")


def refusal(**variables: str) -> str:
    with pytest.raises(ImproperlyConfigured) as caught:
        env.read(REAL | variables)
    return str(caught.value)


def without(name: str) -> dict[str, str]:
    return {other: value for other, value in REAL.items() if other != name}


def test_a_loopback_server_needs_no_variable_but_a_place(tmp_path: Path) -> None:
    read = env.read({"VAR_DIR": str(tmp_path)})
    assert (read.public_url, read.bind, read.port) == ("http://127.0.0.1:8000", "127.0.0.1", 8000)
    assert (read.surface, read.web_concurrency, read.debug, read.is_loopback) == ("all", 2, False, True)
    assert read.drain_seconds == 0
    assert (read.trusted_proxies, read.operations_networks, read.allowed_hosts) == ((), (), ())
    assert (read.fetch_allowed_networks, read.fetch_ca_file) == ((), "")
    assert read.fetch_token_directory is None
    assert read.maintain_every == 60
    assert read.database["NAME"] == str(tmp_path / "db.sqlite3")
    assert read.static_root == tmp_path / "static"
    assert read.shared_cache is None
    assert read.auth_failures_per_minute == 20


def test_the_port_is_the_default_urls_port(tmp_path: Path) -> None:
    assert env.read({"VAR_DIR": str(tmp_path), "PORT": "8140"}).public_url == "http://127.0.0.1:8140"


def test_a_secret_key_that_can_be_guessed_is_refused_off_loopback(tmp_path: Path) -> None:
    assert refusal(SECRET_KEY="k" * 31) == (
        "SECRET_KEY has 31 characters, and can be guessed: at least 32 are needed. Make one: openssl rand -base64 48"
    )
    assert env.read(REAL | {"SECRET_KEY": "k" * 32}).secret_key == "k" * 32
    assert env.read({"VAR_DIR": str(tmp_path), "SECRET_KEY": "short"}).secret_key == "short"


def test_it_reads_every_variable(tmp_path: Path) -> None:
    bundle = Authority.new(tmp_path, "authority").bundle
    read = env.read(
        REAL
        | {"BIND": "::", "PORT": "9000", "VAR_DIR": str(tmp_path), "STATIC_ROOT": "/srv/static"}
        | {"IDP_SURFACE": "protocol", "WEB_CONCURRENCY": "4", "LOG_LEVEL": "WARNING", "DEBUG": "false"}
        | {
            "MAINTAIN_EVERY": "0",
            "DRAIN_SECONDS": "30",
            "AUTH_FAILURES_PER_MINUTE": "0",
            "REFUSALS_RECORDED_PER_MINUTE": "5",
        }
        | {"ALLOWED_HOSTS": "a.example, b.example", "TRUSTED_PROXIES": "10.0.0.0/8, ::1"}
        | {"OPERATIONS_NETWORKS": "192.0.2.0/24", "CACHE_URL": "redis://cache:6379/1"}
        | {"DATABASE_URL": "postgres://idp:p%40ss@db:5432/idp"}
        | {"CHECKPOINT_FILE": str(tmp_path / "checkpoints"), "CHECKPOINT_URL": "https://log.example/x?key=1"}
        | {"FETCH_ALLOWED_NETWORKS": "10.1.0.0/16, fd00::/8", "FETCH_CA_FILE": str(bundle)}
        | {"FETCH_TOKEN_DIRECTORY": str(tmp_path)}
    )
    assert (read.bind, read.port, read.static_root) == ("[::]", 9000, Path("/srv/static"))
    assert (read.surface, read.web_concurrency, read.log_level) == ("protocol", 4, "WARNING")
    assert (read.maintain_every, read.auth_failures_per_minute) == (0, 0)
    assert (read.drain_seconds, env.read(REAL).drain_seconds) == (30, 10)
    assert read.checkpoint_file == tmp_path / "checkpoints"
    assert read.checkpoint_url == "https://log.example/x?key=1"
    assert (
        env.read(REAL | {"CHECKPOINT_URL": "http://127.0.0.1:9/x"}).checkpoint_url == "http://127.0.0.1:9/x"
    )
    assert read.refusals_recorded_per_minute == 5
    assert read.allowed_hosts == ("a.example", "b.example")
    assert read.trusted_proxies == (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1"))
    assert read.operations_networks == (ipaddress.ip_network("192.0.2.0/24"),)
    assert read.fetch_allowed_networks == tuple(map(ipaddress.ip_network, ("10.1.0.0/16", "fd00::/8")))
    assert read.fetch_ca_file == str(bundle)
    assert read.fetch_token_directory == tmp_path
    assert read.shared_cache is not None
    assert read.shared_cache.location == "redis://cache:6379/1"
    assert read.database | {"HOST": "db", "PASSWORD": "p@ss", "NAME": "idp"} == read.database
    assert (read.database["CONN_MAX_AGE"], read.database["ATOMIC_REQUESTS"]) == (None, False)
    assert read.database["DISABLE_SERVER_SIDE_CURSORS"] is True
    assert read.key_encryption_keys == {"k1": KEY}


def test_sqlite_is_asked_to_be_durable(tmp_path: Path) -> None:
    options = env.read(REAL | {"VAR_DIR": str(tmp_path)}).database["OPTIONS"]
    assert "synchronous=FULL" in options["init_command"]
    assert options["transaction_mode"] == "IMMEDIATE"


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_may_lie_in_a_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text(REAL[name] + "\n")
    read = env.read(without(name) | {f"{name}_FILE": str(tmp_path / "secret")})
    assert read == env.read(REAL)


@pytest.mark.parametrize("written", ["\ufeff{}", "{}\r\n", "\ufeff{} \r\n\r\n", "  {}\n\n"])
@pytest.mark.parametrize("name", SECRETS)
def test_what_editors_put_around_a_secret_is_no_part_of_it(tmp_path: Path, name: str, written: str) -> None:
    (tmp_path / "secret").write_bytes(written.format(REAL[name]).encode())
    assert env.read(without(name) | {f"{name}_FILE": str(tmp_path / "secret")}) == env.read(REAL)


def test_a_secret_in_another_encoding_is_named_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(REAL["SECRET_KEY"], encoding="utf-16")
    with pytest.raises(ImproperlyConfigured) as caught:
        env.read(without("SECRET_KEY") | {"SECRET_KEY_FILE": str(tmp_path / "secret")})
    assert str(caught.value) == (
        f"SECRET_KEY_FILE must be text in UTF-8: save {tmp_path}/secret in that encoding."
    )


@pytest.mark.parametrize("password", ["a/b?c%d#e@f:g", "%41", "p ä&'\"$\\", "postgres://"])
def test_a_password_beside_the_url_is_taken_to_the_letter(tmp_path: Path, password: str) -> None:
    url = {"DATABASE_URL": "postgres://idp@db:5432/idp", "VAR_DIR": str(tmp_path)}
    (tmp_path / "password").write_text(f"{password}\n")
    for given in ({"DATABASE_PASSWORD": password}, {"DATABASE_PASSWORD_FILE": str(tmp_path / "password")}):
        read = env.read(REAL | url | given)
        assert (read.database["PASSWORD"], read.database["HOST"], read.database["NAME"]) == (
            password,
            "db",
            "idp",
        )


def test_a_password_in_the_url_wins(tmp_path: Path) -> None:
    given = {
        "DATABASE_URL": "postgres://idp:own@db/idp",
        "DATABASE_PASSWORD": "other",
        "VAR_DIR": str(tmp_path),
    }
    assert env.read(REAL | given).database["PASSWORD"] == "own"


def test_the_databases_url_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgres://idp:secret@db/idp\n")
    assert env.read(REAL | {"DATABASE_URL_FILE": str(tmp_path / "url")}).database["NAME"] == "idp"


def test_a_variable_wins_over_its_file(tmp_path: Path) -> None:
    assert env.read(REAL | {"SECRET_KEY_FILE": str(tmp_path / "missing")}) == env.read(REAL)


@pytest.mark.parametrize("name", SECRETS)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=rf"{name}_FILE cannot be read: .*missing"):
        env.read(without(name) | {f"{name}_FILE": str(tmp_path / "missing")})


@pytest.mark.parametrize("name", SECRETS)
def test_a_missing_secret_is_refused_with_the_command_that_makes_one(name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=rf"{name} .*missing.*openssl rand -base64"):
        env.read(without(name))
    assert f"{name} (or {name}_FILE) is missing" in refusal(**{name: " \n"})


def test_the_command_makes_a_key_that_is_accepted() -> None:
    made = subprocess.run(["sh", "-c", env.KEYED], capture_output=True, text=True, check=True).stdout
    assert len(env.read(REAL | {"SECRET_PEPPERS": made}).secret_peppers["k1"]) == 32


@pytest.mark.contract("P8.2")
@pytest.mark.parametrize("form", ["rfc9440", "nginx", "haproxy", "envoy"])
def test_a_header_for_certificates_needs_proxies_to_believe(form: str) -> None:
    said = {"CLIENT_CERTIFICATE_HEADER": form, "TRUSTED_PROXIES": "10.0.0.1/32"}
    assert env.read(REAL | said).client_certificate_header == form
    assert env.read(REAL).client_certificate_header == ""
    assert "TRUSTED_PROXIES alone" in refusal(CLIENT_CERTIFICATE_HEADER=form)


@pytest.mark.parametrize("form", ["X-SSL-Client-Cert", "Client-Cert", "RFC9440", " "])
def test_another_header_for_certificates_is_refused(form: str) -> None:
    why = refusal(CLIENT_CERTIFICATE_HEADER=form, TRUSTED_PROXIES="10.0.0.1/32")
    assert why.startswith("CLIENT_CERTIFICATE_HEADER must be empty or one of rfc9440, nginx, haproxy, envoy.")


def test_a_dollar_sign_is_a_dollar_sign() -> None:
    assert env.read(REAL | {"SECRET_KEY": "$PUBLIC_URL" + "x" * 50}).secret_key == "$PUBLIC_URL" + "x" * 50


@pytest.mark.parametrize("name", ["KEY_ENCRYPTION_KEYS", "SECRET_PEPPERS"])
@pytest.mark.parametrize(
    "text", ["k1", "k1:", "k1:AAAA", ":" + KEYED[3:], "k 1" + KEYED[2:], "é" + KEYED[2:], "k1:é", KEYED + ",",
             "k" * 33 + KEYED[2:], KEYED + "AAAA", "k1:" + "!" * 43],
)  # fmt: skip
def test_a_key_that_is_none_is_refused(name: str, text: str) -> None:
    assert refusal(**{name: text}).startswith(f"{name}: each entry is id:key")


def test_several_keys_stand_in_order_and_each_id_once() -> None:
    two = f"new:{KEYED[3:]},{KEYED}"
    assert list(env.read(REAL | {"SECRET_PEPPERS": two}).secret_peppers) == ["new", "k1"]
    assert "'k1' stands twice" in refusal(SECRET_PEPPERS=f"{KEYED},{KEYED}")


def test_a_key_may_be_in_base64url_without_padding() -> None:
    encoded = base64.urlsafe_b64encode(b"\xff" * 32).rstrip(b"=").decode()
    assert env.read(REAL | {"SECRET_PEPPERS": f"a:{encoded}"}).secret_peppers == {"a": b"\xff" * 32}


@pytest.mark.parametrize(
    ("name", "text"),
    [("PORT", text) for text in ("", "0", "65536", "-1", "8000 ", "8e3", "٣", "9" * 5000)]
    + [("WEB_CONCURRENCY", "0"), ("WEB_CONCURRENCY", "many"), ("WEB_CONCURRENCY", "1025")]
    + [("MAINTAIN_EVERY", "-1"), ("MAINTAIN_EVERY", "1m"), ("MAINTAIN_EVERY", "86401")]
    + [("DRAIN_SECONDS", "-1"), ("DRAIN_SECONDS", "10s"), ("DRAIN_SECONDS", "601")]
    + [("AUTH_FAILURES_PER_MINUTE", "-1"), ("AUTH_FAILURES_PER_MINUTE", "1000001")]
    + [("REFUSALS_RECORDED_PER_MINUTE", "-1"), ("REFUSALS_RECORDED_PER_MINUTE", "all")]
    + [("DEBUG", "1"), ("DEBUG", "True"), ("IDP_SURFACE", "token"), ("LOG_LEVEL", "info"), ("BIND", "localhost")]
    + [("TRUSTED_PROXIES", "10.0.0.1/8"), ("TRUSTED_PROXIES", "proxy"), ("OPERATIONS_NETWORKS", "10.0.0.0/33")]
    + [("FETCH_ALLOWED_NETWORKS", "10.0.0.1/8"), ("FETCH_ALLOWED_NETWORKS", "keys.example")]
    + [("FETCH_CA_FILE", "/nowhere/bundle.pem"), ("FETCH_CA_FILE", "/"), ("FETCH_CA_FILE", "a\0b")]
    + [("FETCH_TOKEN_DIRECTORY", text) for text in ("/nowhere", "/", "/etc/..", "/etc/passwd", "tests", "/a\0b")]
    + [("DATABASE_URL", text) for text in ("", "nonsense", "mysql://h/n", "postgres://u:p/w@h:x/n")]
    + [("CACHE_URL", text) for text in ("", "nonsense", "foo://h", "memcache://h:11211", "unix:///run/redis.sock")]
    + [("CACHE_URL", f"redis://{text}") for text in ("", "/0", "h:x", "h:99999", "h/cache", "h?x=1")]
    + [("CACHE_URL", "redis://h?socket_timeout=x")]
    + [("VAR_DIR", ""), ("STATIC_ROOT", "")]
    + [("CHECKPOINT_FILE", "/"), ("CHECKPOINT_FILE", "/nowhere/checkpoints"), ("CHECKPOINT_FILE", "a\0b")]
    + [("CHECKPOINT_URL", f"{text}log.example/x") for text in ("", "http://", "ftp://", "https://u:p@", "https://[")]
    + [("CHECKPOINT_URL", "https://h:99999/"), ("CHECKPOINT_URL", "https:///x"), ("CHECKPOINT_URL", "https://h/#x")],
)  # fmt: skip
def test_nonsense_is_refused_by_name(name: str, text: str) -> None:
    assert refusal(**{name: text}).startswith(name)


def test_a_bundle_without_an_authority_is_refused(tmp_path: Path) -> None:
    server = Authority.new(tmp_path, "authority").issue("idp.example")
    leaf = ssl.DER_cert_to_PEM_cert(
        ssl.PEM_cert_to_DER_cert("-----BEGIN" + server.read_text().split("-----BEGIN")[2])
    )
    for text, why in [("", "in PEM"), ("no certificate", "in PEM"), (leaf, "has none")]:
        (tmp_path / "bundle.pem").write_text(text)
        assert why in refusal(FETCH_CA_FILE=str(tmp_path / "bundle.pem"))


def test_a_bad_database_url_does_not_tell_its_password() -> None:
    assert "hunter2" not in refusal(DATABASE_URL="postgres://u:hunter2/x@h:5432/n")


@pytest.mark.parametrize(
    ("url", "location"),
    [("redis://h", "redis://h"), ("rediss://h:6380/1", "rediss://h:6380/1"), ("valkey://h/2", "redis://h/2"),
     ("valkeys://u:p%40@h", "rediss://u:p%40@h"), ("redis://[::1]:6379", "redis://[::1]:6379"),
     ("rediss://h?ssl_ca_certs=/etc/ca.pem", "rediss://h?ssl_ca_certs=/etc/ca.pem")],
)  # fmt: skip
def test_a_shared_cache_is_redis_or_valkey_and_is_not_waited_for(url: str, location: str) -> None:
    cache = env.read(REAL | {"CACHE_URL": url}).shared_cache
    assert cache == SharedCache(
        location=location, options={"socket_connect_timeout": 0.3, "socket_timeout": 0.3}
    )
    assert location not in repr(cache)


def test_a_bad_cache_url_says_what_is_good_and_does_not_tell_its_password() -> None:
    said = refusal(CACHE_URL="redis://:hunter2/x@h:6379/0")
    assert "redis, rediss, valkey, valkeys" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    "url",
    ["https://idp.example.com", "https://idp.example.com:8443", "https://192.0.2.1", "https://[2001:db8::1]",
     "http://localhost:8000", "http://127.0.0.1:8000", "http://127.9.9.9", "http://[::1]:8000"],
)  # fmt: skip
def test_an_origin_is_taken_as_it_stands(tmp_path: Path, url: str) -> None:
    assert env.read(REAL | {"PUBLIC_URL": url, "VAR_DIR": str(tmp_path)}).public_url == url


@pytest.mark.parametrize(
    "url",
    ["", "idp.example.com", "https://", "https://idp.example.com/", "https://idp.example.com/path", "https://h?",
     "https://h#", "https://h:", "https://h:443", "http://localhost:80", "https://IDP.example.com", "HTTPS://h",
     "https://user@h", "https://h:99999", "https://h:x", "https://[::1", "ftp://h", " https://h", "https://h\n",
     "https://é.example", "https://a b", 'https://a"b', "https://a<b", "https://[fe80::1%25eth0]"],
)  # fmt: skip
def test_what_is_no_origin_is_refused(url: str) -> None:
    assert refusal(PUBLIC_URL=url).startswith("PUBLIC_URL")


@pytest.mark.parametrize(
    "host", ["idp.example.com", "127.0.0.1.example.com", "localhost.example.com", "10.0.0.1"]
)
def test_http_is_for_loopback_only(host: str) -> None:
    assert "must be https unless it is loopback" in refusal(PUBLIC_URL=f"http://{host}")


def test_debug_is_for_loopback_only(tmp_path: Path) -> None:
    assert refusal(DEBUG="true").startswith("DEBUG")
    assert env.read({"VAR_DIR": str(tmp_path), "DEBUG": "true"}).debug


def test_a_real_deployment_makes_no_secret_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured):
        env.read({"PUBLIC_URL": "https://idp.example.com", "VAR_DIR": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []


def test_what_was_generated_stays(tmp_path: Path) -> None:
    first = env.read({"VAR_DIR": str(tmp_path)})
    assert env.read({"VAR_DIR": str(tmp_path)}) == first
    assert env.read({"VAR_DIR": str(tmp_path / "other")}).secret_key != first.secret_key
    assert stat.S_IMODE((tmp_path / "generated.env").stat().st_mode) == 0o600


@pytest.mark.slow
def test_many_processes_at_once_generate_one_set_of_secrets(tmp_path: Path) -> None:
    var_dir = tmp_path / "var"
    program = (
        "import sys, json; from m2m_idp import env; sys.stdin.read();"
        "read = env.read({'VAR_DIR': sys.argv[1]});"
        "print(json.dumps([read.secret_key, str(read.key_encryption_keys), str(read.secret_peppers)]))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(var_dir)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=settings.BASE_DIR,
        )
        for _ in range(8)
    ]  # fmt: skip
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert len({json.dumps(json.loads(output)) for output in outputs}) == 1
    assert [path.name for path in var_dir.iterdir()] == ["generated.env"]


def test_its_repr_has_no_secret(tmp_path: Path) -> None:
    read = env.read(REAL | {"VAR_DIR": str(tmp_path), "DATABASE_URL": "postgres://idp:hunter2@db/idp"})
    for shown in (repr(read), str(read), f"{read}"):
        assert not any(secret in shown for secret in ("sss", "hunter2", str(KEY), KEYED[3:]))


COMPANY = {
    "OIDC_SIGN_IN_ISSUER": "https://login.example.com",
    "OIDC_SIGN_IN_CLIENT_ID": "console",
    "OIDC_SIGN_IN_CLIENT_SECRET": "the secret of the console",
    "OIDC_SIGN_IN_ROLES": "ops=Operators",
}


def test_without_a_setting_people_sign_in_with_a_password_as_ever() -> None:
    read = env.read(REAL).sign_in
    assert (read.idle.total_seconds(), read.longest.total_seconds()) == (1800, 28_800)
    assert (read.requires_second_factor, read.takes_passwords, read.company) == (False, True, None)


def test_the_companys_provider_is_read_and_its_secret_is_not_shown() -> None:
    company = env.read(
        REAL | COMPANY | {"OIDC_SIGN_IN_ROLES": "a=b=Operators, admins = superuser"}
    ).sign_in.company
    assert company
    assert company.roles == {"a=b": "Operators", "admins": "superuser"}
    assert (company.scopes, company.username_claim, company.groups_claim) == (
        "openid profile email",
        "preferred_username",
        "groups",
    )
    assert COMPANY["OIDC_SIGN_IN_CLIENT_SECRET"] not in repr(company)


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"OIDC_SIGN_IN_ISSUER": "http://login.example.com"}, "OIDC_SIGN_IN_ISSUER cannot be used."),
        (
            {"OIDC_SIGN_IN_CLIENT_ID": ""},
            "OIDC_SIGN_IN_CLIENT_ID (or OIDC_SIGN_IN_CLIENT_ID_FILE) is missing",
        ),
        ({"OIDC_SIGN_IN_CLIENT_SECRET": " "}, "OIDC_SIGN_IN_CLIENT_SECRET (or"),
        ({"OIDC_SIGN_IN_SCOPES": "profile"}, "OIDC_SIGN_IN_SCOPES must hold openid"),
        ({"OIDC_SIGN_IN_ROLES": ""}, "OIDC_SIGN_IN_ROLES is missing"),
        ({"OIDC_SIGN_IN_ROLES": "ops"}, "OIDC_SIGN_IN_ROLES is a comma-separated list of GROUP=ROLE"),
        ({"OIDC_SIGN_IN_ROLES": "ops=Operators,ops=Auditors"}, "the group 'ops' stands twice"),
        ({"SESSION_IDLE_MINUTES": "1"}, "SESSION_IDLE_MINUTES must be a whole number from 2 to 1440."),
        ({"SESSION_MAX_HOURS": "0"}, "SESSION_MAX_HOURS must be a whole number from 1 to 168."),
        ({"REQUIRE_SECOND_FACTOR": "yes"}, "REQUIRE_SECOND_FACTOR must be one of false, true."),
        ({"LOCAL_PASSWORDS": "false", "OIDC_SIGN_IN_ISSUER": ""}, "nobody could sign in"),
    ],
)
def test_a_sign_in_that_cannot_work_is_refused_at_the_start(variables: dict[str, str], named: str) -> None:
    assert named in refusal(**COMPANY | variables)
