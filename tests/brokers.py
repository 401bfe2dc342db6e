"""A real mosquitto on free ports, with its log, password, TLS and client certificates as the test
needs them.
"""

import datetime
import ipaddress
import signal
import socket
import subprocess
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from project.local.install import provision
from project.local.processes.ports import free_port
from project.local.processes.process import spawn
from project.local.processes.waiting import wait_until

HOST = "127.0.0.1"
DAY = datetime.timedelta(days=1)


class CertificateAuthority:
    """A CA and what it signs, as PEM text and as files in `folder`."""

    def __init__(self, folder: Path, name: str = "Test CA") -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(self._name, self._key).add_extension(
            x509.BasicConstraints(True, None), critical=True
        )
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        self.pem = _pem(
            builder.add_extension(usage, critical=True).sign(self._key, hashes.SHA256())
        )
        self.path = self._write("ca.pem", self.pem)

    def server(self, host: str = HOST) -> tuple[Path, Path]:
        """(certificate, key) files of a server at this address."""
        certificate, key = self.issue(host, ExtendedKeyUsageOID.SERVER_AUTH)
        return self._write("server.pem", certificate), self._write("server.key", key)

    def client(self, name: str = "site") -> tuple[str, str]:
        """(certificate, key) of a client, as PEM."""
        return self.issue(name, ExtendedKeyUsageOID.CLIENT_AUTH)

    def issue(
        self,
        name: str,
        purpose: x509.ObjectIdentifier,
        days: tuple[float, float] = (-1, 30),
    ) -> tuple[str, str]:
        """`days` from now between which it is valid."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names: list[x509.GeneralName] = [
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.ip_address(HOST)),
        ]
        builder = self._builder(subject, key, days).add_extension(
            x509.SubjectAlternativeName(names), critical=False
        )
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        return _pem(builder.sign(self._key, hashes.SHA256())), _key_pem(key)

    def _builder(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        days: tuple[float, float] = (-1, 30),
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + days[0] * DAY)
            .not_valid_after(now + days[1] * DAY)
            .add_extension(own, critical=False)
            .add_extension(signer, critical=False)
        )

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path


class Mosquitto:
    """`port` speaks plain MQTT; with `tls`, `tls_port` speaks TLS as well. `options` are further
    configuration lines.

    `users` maps user names to passwords; without it everybody may connect. `client_certificates`
    makes the TLS listener ask for one that the same CA has signed. `persistence` keeps sessions and
    queues over `restart()`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        users: dict[str, str] | None = None,
        tls: CertificateAuthority | None = None,
        client_certificates: bool = False,
        persistence: bool = False,
        options: tuple[str, ...] = (),
    ) -> None:
        self.folder, self.host, self.port, self.tls_port = folder, HOST, free_port(), free_port()
        self.log = folder / "mosquitto.log"
        self.ca_pem = tls.pem if tls else ""
        self.client_pem, self.client_key_pem = tls.client() if tls else ("", "")
        self._users, self._tls, self._client_certificates = users or {}, tls, client_certificates
        self._persistence, self._options = persistence, options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        configuration = self.folder / "mosquitto.conf"
        configuration.write_text("\n".join(self._lines()) + "\n")
        self._process = spawn(
            [provision.mosquitto(), "-c", configuration],
            env={"PATH": "/usr/sbin:/usr/bin"},
            log=self.log,
        )
        assert wait_until(self._listens, 10), f"mosquitto did not start:\n{self.log_text()}"

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(10)
            self._process = None

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP makes a broker that hangs, SIGCONT wakes it."""
        assert self._process is not None
        self._process.send_signal(number)

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _listens(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"mosquitto ended:\n{self.log_text()}")
        return all(
            _accepts(port) for port in ((self.port, self.tls_port) if self._tls else (self.port,))
        )

    def _lines(self) -> list[str]:
        lines = [
            "per_listener_settings false",
            "log_dest stderr",
            "log_type all",
            "connection_messages true",
        ]
        lines += [
            f"allow_anonymous {'false' if self._users else 'true'}",
            f"persistence {str(self._persistence).lower()}",
        ]
        if self._persistence:
            lines += [
                f"persistence_location {self.folder}/",
                "autosave_interval 1",
                "autosave_on_changes true",
            ]
        lines += [
            f"user {Path(self.folder).owner()}"
        ]  # started by root, mosquitto would become another user
        lines += (
            self._password_file()
            + list(self._options)
            + [f"listener {self.port} {HOST}"]
            + self._tls_listener()
        )
        return lines

    def _password_file(self) -> list[str]:
        if not self._users:
            return []
        path = self.folder / "passwords"
        path.write_text("".join(f"{user}:{password}\n" for user, password in self._users.items()))
        path.chmod(0o600)
        done = subprocess.run(
            [provision.mosquitto_passwd(), "-U", path],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [f"password_file {path}"]

    def _tls_listener(self) -> list[str]:
        if not self._tls:
            return []
        certificate, key = self._tls.server()
        lines = [
            f"listener {self.tls_port} {HOST}",
            f"cafile {self._tls.path}",
            f"certfile {certificate}",
            f"keyfile {key}",
        ]
        return [*lines, f"require_certificate {str(self._client_certificates).lower()}"]


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()
