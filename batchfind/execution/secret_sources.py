"""Reads secrets from where a job says they are, without ever showing one."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable
from typing import Final, TypeAlias

from batchfind.errors import InputError
from batchfind.job.transport_model import Secret, SecretKind

Ask: TypeAlias = Callable[[str], str]
"""Asks the person at the terminal one question and returns the answer."""

MOST_BYTES: Final = 16 << 20
"""No secret, key, certificate or list is longer; what is, was named by mistake."""


def read_secret(secret: Secret, question: str, ask: Ask | None) -> bytes:
    """The bytes of a secret.

    Args:
        secret: where it is.
        question: for a secret that is asked for, such as `password of user anna`.
        ask: asks at the terminal; None when there is none.

    Returns:
        The secret; of a file without one trailing line end.

    Raises:
        InputError: one sentence that does not hold the secret.
    """
    if secret.kind is SecretKind.FILE:
        found = _without_line_end(read_bytes(secret.name))
        return _not_empty(found, f"the file {secret.name}")
    return _from_elsewhere(secret, question, ask)


def read_ticket(secret: Secret, question: str, ask: Ask | None) -> bytes:
    """A Kerberos ticket: base64 text decoded, any other bytes of a file as they are.

    Raises:
        InputError: as `read_secret`; also text elsewhere that is not base64.

    Source: PS3.7 Section D.3.3.7.1 (the ticket is binary).
    """
    if secret.kind is SecretKind.FILE:
        raw = _not_empty(read_bytes(secret.name), f"the file {secret.name}")
        return _from_base64(raw) or raw
    ticket = _from_base64(_from_elsewhere(secret, question, ask))
    if not ticket:
        raise InputError(
            f"the {question} is not base64: encode the ticket, or name a file of it"
        )
    return ticket


def read_bytes(path: str) -> bytes:
    """The content of a small file.

    Raises:
        InputError: it cannot be read, or holds more than any of these files does.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a descriptor's name is no Path
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no usable file name"
        raise InputError(f"{path} cannot be read: {reason}") from None
    if len(data) > MOST_BYTES:
        raise InputError(f"{path} is larger than {MOST_BYTES >> 20} MiB")
    return data


def _from_elsewhere(secret: Secret, question: str, ask: Ask | None) -> bytes:
    match secret.kind:
        case SecretKind.ENV:
            return _from_environment(secret.name)
        case SecretKind.PROMPT:
            return _from_terminal(question, ask)
        case SecretKind.EMPTY:
            return b""
        case _:
            return _from_the_job(secret)


def _from_the_job(secret: Secret) -> bytes:
    if not secret.plain:
        raise InputError(
            "the secret stood in the job itself and no plan holds it: "
            "run the job anew, or take the secret from env or file"
        )
    return secret.plain.encode("utf-8", "surrogateescape")


def _from_environment(name: str) -> bytes:
    try:
        found = os.environ[name]
    except KeyError:
        raise InputError(
            f"the environment variable {name} is not set: set it for this command"
        ) from None
    return _not_empty(os.fsencode(found), f"the environment variable {name}")


def _from_terminal(question: str, ask: Ask | None) -> bytes:
    if ask is None:
        raise InputError(
            f"the {question} is to be asked for, and there is no terminal: "
            "take it from env or file"
        )
    try:
        answer = ask(question)
    except EOFError:
        answer = ""
    return _not_empty(answer.encode("utf-8", "surrogateescape"), "the answer")


def _not_empty(found: bytes, source: str) -> bytes:
    if not found:
        raise InputError(f"{source} holds no secret; write `empty` if that is meant")
    return found


def _without_line_end(data: bytes) -> bytes:
    if data.endswith(b"\r\n"):
        return data[:-2]
    return data.removesuffix(b"\n")


def _from_base64(data: bytes) -> bytes:
    """What base64 text stands for; nothing when it is no such text."""
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        return b""
