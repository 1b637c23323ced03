"""Maven builds the classes of this directory once; each of them reads one JSON object and writes one."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import Provider
from tests.interop.programs import HERE, answers_of, compiled

TARGET = HERE / "java" / "target"
CLASSPATH = TARGET / "classpath"
BUILD = (
    "--batch-mode", "--no-transfer-progress", "--quiet",
    "compile", "dependency:build-classpath", f"-Dmdep.outputFile={CLASSPATH}",
)  # fmt: skip
# One short run: neither a second compiler nor collectors with threads of their own pay off.
LIGHT = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
PASSWORD = "changeit"


@dataclass(frozen=True, slots=True)
class Java:
    classpath: str
    truststore: Path

    def command(self, name: str, *options: str) -> list[str]:
        """Runs the class in a Java that trusts the server."""
        trust = (
            f"-Djavax.net.ssl.trustStore={self.truststore}",
            f"-Djavax.net.ssl.trustStorePassword={PASSWORD}",
        )
        return ["java", *LIGHT, *trust, *options, f"interop.{name}"]

    def answers_of(self, name: str, question: dict[str, Any], *options: str) -> dict[str, Any]:
        return answers_of(self.command(name, *options), question, environment={"CLASSPATH": self.classpath})

    @contextmanager
    def serving(self, name: str, question: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """What the class writes first; it then serves for the length of the block."""
        with subprocess.Popen(
            self.command(name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"CLASSPATH": self.classpath},
        ) as process:
            try:
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(json.dumps(question) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
                assert line, f"{name} did not start."
                yield json.loads(line)
            finally:
                process.kill()


@pytest.fixture(scope="session")
def classpath() -> str:
    compiled("javac", "-version", directory="java")
    compiled("mvn", *BUILD, directory="java")
    return os.pathsep.join((str(TARGET / "classes"), CLASSPATH.read_text().strip()))


@pytest.fixture
def java(classpath: str, provider: Provider, tmp_path: Path) -> Java:
    truststore = tmp_path / "trusted.p12"
    subprocess.run(
        ["keytool", "-importcert", "-noprompt", "-alias", "authority", "-file", provider.ca,
         "-keystore", truststore, "-storetype", "PKCS12", "-storepass", PASSWORD],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return Java(classpath, truststore)
