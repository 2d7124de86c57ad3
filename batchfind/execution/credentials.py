"""Everything secret or certified that the peers of a plan need, read beforehand.

A run reads all of it before its first association, so that a missing file or a
forgotten password ends the command and not the night's third request.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeVar

from batchfind.errors import InputError, JobError, Mark, Problem
from batchfind.execution.identities import read_identity
from batchfind.execution.secret_sources import Ask, read_bytes, read_secret
from batchfind.execution.tls_files import (
    Named,
    TlsFiles,
    name_to_verify,
    read_certificates,
    server_name,
)
from batchfind.job.transport_model import Tls, UserIdentity
from batchfind.net import settings
from batchfind.net.tls import TlsClient
from batchfind.plan.model import Plan, PlannedPeer, Request

_T = TypeVar("_T")
_LOOPBACK: Final = "127.0.0.1"
_SEED_BYTES: Final = 1024


class Credentials:
    """TLS clients and user identities, ready for use; shows none of its secrets."""

    __slots__ = ("_clients", "_identities", "_seeds")

    def __init__(
        self,
        clients: Mapping[tuple[Tls, str], TlsClient] | None = None,
        identities: Mapping[UserIdentity, settings.UserIdentity] | None = None,
        seeds: Iterable[Path] = (),
    ) -> None:
        self._clients = dict(clients or {})
        self._identities = dict(identities or {})
        self._seeds = tuple(seeds)

    @classmethod
    def load(
        cls,
        plan: Plan,
        ask: Ask | None = None,
        requests: Iterable[Request] | None = None,
    ) -> Credentials:
        """Reads what the peers of some requests need; blocks, also for a person.

        Args:
            plan: names the files and secrets.
            ask: asks for the secrets that a person has to give, each once; None
                when there is no terminal.
            requests: which will be asked; None means all of the plan, and those that
                its answers may give rise to.

        Raises:
            JobError: with every problem of files and secrets at once.
        """
        chosen = _all_of(plan) if requests is None else requests
        names = dict.fromkeys(request.peer for request in chosen)
        loader = _Loader(plan, ask)
        for name in names:
            loader.add(plan.peers[name])
        if loader.problems:
            raise JobError(loader.problems)
        return cls(loader.clients, loader.identities, loader.seeds)

    def tls(self, tls: Tls, host: str) -> TlsClient:
        """The client for connections to a host under these settings."""
        return self._clients[tls, host]

    def identity(self, identity: UserIdentity) -> settings.UserIdentity:
        """The identity as it goes on the wire."""
        return self._identities[identity]

    def write_seeds(self) -> tuple[str, ...]:
        """Writes new random bytes where the job keeps seeds; called at the end.

        Returns:
            A sentence for each file that could not be written: no reason to fail.
        """
        problems = []
        for path in self._seeds:
            try:
                _write_privately(path, os.urandom(_SEED_BYTES))
            except OSError as error:
                problems.append(f"seed {path} cannot be written: {error.strerror}")
        return tuple(problems)


class _Loader:
    """Reads peer after peer, and collects what is wrong."""

    def __init__(self, plan: Plan, ask: Ask | None) -> None:
        self.clients: dict[tuple[Tls, str], TlsClient] = {}
        self.identities: dict[UserIdentity, settings.UserIdentity] = {}
        self.seeds: dict[Path, None] = {}
        self.problems: list[Problem] = []
        self._mark = Mark(plan.job_path)
        self._ask = ask
        self._prepared: dict[Tls, TlsClient | None] = {}
        self._seen: set[UserIdentity] = set()

    def add(self, peer: PlannedPeer) -> None:
        """Reads what one peer needs, unless another needed the same."""
        if peer.tls is not None:
            self._add_tls(peer.tls, peer)
        identity = peer.identity
        if identity is not None and identity not in self._seen:
            self._seen.add(identity)
            where = f"peers.{peer.name}.user_identity"
            found = self._try(
                where, lambda: read_identity(identity, peer.name, self._ask)
            )
            if found is not None:
                self.identities[identity] = found

    def _try(self, where: str, read: Callable[[], _T]) -> _T | None:
        try:
            return read()
        except InputError as error:
            path, said = where, str(error)
            if said.startswith(where):  # it names the field by itself
                path, _, said = said.partition(": ")
            self.problems.append(Problem(self._mark, path, said))
            return None

    def _add_tls(self, tls: Tls, peer: PlannedPeer) -> None:
        where = f"peers.{peer.name}.tls" if tls.name == peer.name else f"tls.{tls.name}"
        if tls not in self._prepared:
            self._prepared[tls] = self._prepare(tls, where)
        client = self._prepared[tls]
        host = peer.host or _LOOPBACK
        if client is None or (tls, host) in self.clients:
            return
        names = name_to_verify(tls, host), server_name(tls, host)
        named = self._try(where, lambda: client.towards(*names))
        if named is not None:
            self.clients[tls, host] = named

    def _prepare(self, tls: Tls, where: str) -> TlsClient | None:
        files = self._read(tls, where)
        if files is None:
            return None
        return self._try(where, lambda: TlsClient.prepare(files.settings()))

    def _read(self, tls: Tls, where: str) -> TlsFiles | None:
        """Every file of the settings; None when one of them has a problem."""
        before = len(self.problems)
        password = self._password(tls, where)
        key = self._file(f"{where}.key", tls.key)
        certificate = self._file(f"{where}.certificate", tls.certificate)
        cas = self._named(f"{where}.ca", tls.ca)
        for folder in tls.ca_dirs:
            cas += self._folder(f"{where}.ca_dirs", folder, tls)
        crls = self._named(f"{where}.crl", tls.crl)
        self._seed(tls, where)
        if len(self.problems) > before:
            return None
        return TlsFiles(
            tls=tls,
            source=where,
            password=password,
            key=key,
            certificate=certificate,
            cas=cas,
            crls=crls,
        )

    def _password(self, tls: Tls, where: str) -> bytes | None:
        secret = tls.password
        if secret is None:
            return None
        question = f"password of the key {tls.key}"
        place = f"{where}.password"
        return self._try(place, lambda: read_secret(secret, question, self._ask))

    def _file(self, where: str, path: Path | None) -> bytes | None:
        if path is None:
            return None
        return self._try(where, lambda: read_bytes(str(path)))

    def _named(self, where: str, paths: Iterable[Path]) -> tuple[Named, ...]:
        read = ((str(path), self._file(where, path)) for path in paths)
        return tuple((name, data) for name, data in read if data is not None)

    def _folder(self, where: str, folder: Path, tls: Tls) -> tuple[Named, ...]:
        return self._try(where, lambda: read_certificates(folder, tls.format)) or ()

    def _seed(self, tls: Tls, where: str) -> None:
        seed = self._file(f"{where}.seed", tls.seed)
        if seed is not None:
            # Worth nothing by itself: the system's generator needs no help.
            ssl.RAND_add(seed, 0.0)
        if tls.seed_write_back is not None:
            self.seeds[tls.seed_write_back] = None


def _all_of(plan: Plan) -> Iterator[Request]:
    yield from plan.requests
    for query in plan.queries.values():
        if query.growing is not None:
            yield from query.growing.patterns


def _write_privately(path: Path, data: bytes) -> None:
    """Replaces a file's content; a new file is for its owner alone."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
