"""Signing in: tokens, kubeconfig files and certificates, against a server that checks them."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kube_server import Kube
from loopback import serving

from golive_core.errors import SettingsError, SourceUnreachableError
from ingest.kube_config import read

CONFIG = """
apiVersion: v1
kind: Config
current-context: shop
contexts:
- {{name: shop, context: {{cluster: main, user: {user}}}}}
clusters:
- {{name: main, cluster: {{server: "{url}", {more}}}}}
users:
- {{name: tokened, user: {{token: right-token}}}}
- {{name: filed, user: {{tokenFile: token}}}}
- {{name: basic, user: {{username: ann, password: right-token}}}}
- {{name: program, user: {{exec: {{command: aws}}}}}}
- {{name: certified, user: {{client-certificate-data: {certificate}, client-key-data: {key}}}}}
"""


def config(home: Path, user: str, url: str = "", more: str = "", **made: str) -> str:
    given = {"certificate": "''", "key": "''", **made}
    path = home.parent / "kubeconfig"
    path.write_text(CONFIG.format(user=user, url=url, more=more, **given))
    return str(path)


@pytest.mark.parametrize("user", ["tokened", "filed", "basic"])
def test_a_kubeconfig_says_where_and_who(cluster, user: str) -> None:
    cluster.world.token = "right-token"
    cluster.world.deploy("web", "web:1")
    (cluster.home.parent / "token").write_text("right-token\n")
    path = config(cluster.home, user, cluster.world.url)
    assert cluster.ingest(kubeconfig=path).error is None
    assert cluster.rows("select service from core.deployments") == [("web",)]


def test_programs_are_not_started(cluster) -> None:
    path = config(cluster.home, "program", cluster.world.url)
    error = cluster.ingest(kubeconfig=path).error
    assert isinstance(error, SettingsError)
    assert "signs in with a program" in error.what


def test_what_is_wrong_with_a_kubeconfig_is_told(cluster) -> None:
    path = Path(config(cluster.home, "nobody"))
    with pytest.raises(SettingsError, match="no user is called 'nobody'"):
        read(path)
    with pytest.raises(SettingsError, match="no context is called 'shoppe'") as caught:
        read(path, "shoppe")
    assert "shop" in caught.value.hint
    for text in ("- a\n", "a: [", ""):
        path.write_text(text)
        with pytest.raises(SettingsError, match="kubeconfig"):
            read(path)
    with pytest.raises(SettingsError, match="cannot be read"):
        read(path / "none")


class Authority:
    """Makes certificates for one test."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        self.pem = self.signed(self.name, self.key, is_ca=True)

    def make(self, name: str) -> tuple[str, str]:
        key = ec.generate_private_key(ec.SECP256R1())
        named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        text = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )  # fmt: skip
        return self.signed(named, key), text.decode()

    def signed(self, name: x509.Name, key, *, is_ca: bool = False) -> str:
        now = dt.datetime.now(dt.UTC)
        local = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        made = (
            x509.CertificateBuilder().subject_name(name).issuer_name(self.name)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1)).add_extension(local, critical=False)
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )  # fmt: skip
        return made.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture
def mutual(cluster, tmp_path: Path):
    """A cluster that demands a certificate of its own authority."""
    authority = Authority()
    files = [tmp_path / "server.pem", tmp_path / "server.key", tmp_path / "ca.pem"]
    for path, text in zip(files, (*authority.make("server"), authority.pem), strict=True):
        path.write_text(text)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(files[0], files[1])
    tls.load_verify_locations(files[2])
    tls.verify_mode = ssl.CERT_REQUIRED
    with serving(Kube(), tls) as world:
        world.deploy("web", "web:1")
        cluster.world = world
        yield authority


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_certificate_signs_in(cluster, mutual: Authority) -> None:
    pair = mutual.make("golive")
    for name, text in zip(("mine.pem", "mine.key"), pair, strict=True):
        (cluster.home.parent / name).write_text(text)
    said = {"ca": "ca.pem", "client_certificate": "file:mine.pem", "client_key": "file:mine.key"}
    assert cluster.ingest(**said).error is None
    assert cluster.rows("select service from core.deployments") == [("web",)]
    error = cluster.ingest(ca="ca.pem").error
    assert isinstance(error, SourceUnreachableError)


def test_certificates_may_stand_in_the_kubeconfig(cluster, mutual: Authority) -> None:
    certificate, key = mutual.make("golive")
    path = config(
        cluster.home, "certified", cluster.world.url, certificate=coded(certificate),
        key=coded(key), more=f"certificate-authority-data: {coded(mutual.pem)}",
    )  # fmt: skip
    assert cluster.ingest(kubeconfig=path).error is None
    assert cluster.rows("select service from core.deployments") == [("web",)]


def test_a_strange_certificate_is_told(cluster, mutual: Authority) -> None:
    error = cluster.ingest().error
    assert isinstance(error, SourceUnreachableError)
    assert "not trusted" in error.what
    for name in ("mine.pem", "mine.key"):
        (cluster.home.parent / name).write_text("no PEM")
    said = {"client_certificate": "file:mine.pem", "client_key": "file:mine.key"}
    assert isinstance(cluster.ingest(**said).error, SettingsError)
