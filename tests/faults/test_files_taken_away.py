"""SQLite's files are moved or deleted while the server runs: it refuses at once, says so, and loses no token's row."""

import os
import re
import signal
from pathlib import Path

import pytest
from django.db import connection

from tests.faults.own_database import OwnFile, issued_jtis
from tests.faults.test_readiness_of_faults import reported_by
from tests.support.cast import Cast
from tests.support.server import Server, serve
from tests.support.wire import Answer

if connection.vendor == "sqlite":

    class Client:
        """Notes what it was given."""

        def __init__(self, server: Server, cast: Cast) -> None:
            self._server, self._auth = server, ("billing", cast.secrets["billing"])
            self.jtis: set[object] = set()

        def status(self) -> int:
            answer = self._server.token(self._auth)
            if answer.status_code == 200:
                self.jtis.add(Answer(200, {}, answer.content).claims["jti"])
            return answer.status_code

        def many(self) -> set[int]:
            """Enough that each thread of the server has one."""
            return {self.status() for _ in range(60)}

    @pytest.mark.slow
    @pytest.mark.contract("P1.1", "P12.2")
    def test_a_file_that_is_moved_away_and_back_has_every_row(cast: Cast, tmp_path: Path) -> None:
        database, elsewhere = OwnFile.copied_to(tmp_path / "own.sqlite3"), tmp_path / "elsewhere"
        with serve(tmp_path, 2, {"DATABASE_URL": database.url}) as server:
            client = Client(server, cast)
            assert client.many() == {200}
            database.path.rename(elsewhere)
            assert client.many() == {503}
            assert not database.path.exists()
            told = reported_by(server, is_awaited=lambda told: told["status"] != "ok")
            assert f"file {database.path} is missing: put it back" in told["checks"]["database"][0]
            elsewhere.rename(database.path)
            assert client.many() == {200}
            reported_by(server, is_awaited=lambda told: told["status"] == "ok")
        assert client.jtis <= issued_jtis(database)
        assert database.rows("PRAGMA integrity_check") == [("ok",)]

    @pytest.mark.slow
    @pytest.mark.contract("P1.1", "P12.2")
    def test_a_deleted_write_ahead_log_loses_no_row(cast: Cast, tmp_path: Path) -> None:
        database = OwnFile.copied_to(tmp_path / "own.sqlite3")
        environment = {"DATABASE_URL": database.url}
        with serve(tmp_path, 2, environment) as server:
            client = Client(server, cast)
            assert client.many() == {200}
            Path(f"{database.path}-wal").unlink()
            assert client.status() == 503
            assert re.search(r"not_recorded.*-wal", server.settled_log())
            told = server.get("/readyz").json()
            # An idle server opens the file again within moments; until then it says what is wrong.
            if told["status"] != "ok":
                assert told["status"] == "degraded"
                assert "-wal" in told["checks"]["database"][0]
                assert "restart the server" in told["checks"]["database"][0]
            assert server.get("/oidc_m2m/jwks").status_code == 200
            # Once each of its threads has noticed, the server itself opens the file again.
            client.many()
            # As hard as a restart can be.
            os.killpg(server.pid, signal.SIGKILL)
        with serve(tmp_path, 2, environment) as server:
            restarted = Client(server, cast)
            assert restarted.many() == {200}
            assert server.get("/readyz").json()["status"] == "ok"
        assert client.jtis | restarted.jtis <= issued_jtis(database)
        assert database.rows("PRAGMA integrity_check") == [("ok",)]
