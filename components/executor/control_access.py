"""Who may ask an executor what: by the credentials the kernel gives of whoever connects."""

from __future__ import annotations

import grp
import os
import socket
import struct
from dataclasses import dataclass
from enum import IntEnum

from components.executor.errors import CommandError

_SO_PEERGROUPS = 59  # linux/socket.h; not named by the socket module
_CREDENTIALS = struct.Struct("3i")
_GROUP_BYTES = 4
_GROUPS_BYTES = 1024  # the most that Python asks a socket for

READ_VERBS = frozenset({"status", "explain", "metrics", "health"})
"""What changes nothing. All other verbs need the role `operate`."""


class Role(IntEnum):
    """What a peer may do; a higher one may all that a lower one may."""

    NONE = 0
    READ = 1
    OPERATE = 2


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is on the other end of a unix socket, by the kernel's word."""

    pid: int
    uid: int
    gids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Access:
    """Which groups may read and operate. The executor's own user and root always may."""

    read_gid: int | None = None
    operate_gid: int | None = None

    @classmethod
    def of_groups(cls, read: str | None, operate: str | None) -> Access:
        """Look groups up by name.

        Raises:
            CommandError: there is none of that name.
        """
        return cls(_gid(read), _gid(operate))

    @property
    def socket_mode(self) -> int:
        """Permissions of the socket: who may connect at all; the role is decided afterwards."""
        return 0o600 if self.read_gid is None and self.operate_gid is None else 0o666

    def role(self, peer: Peer) -> Role:
        """What a peer may do."""
        if peer.uid in {0, os.geteuid()} or self.operate_gid in peer.gids:
            return Role.OPERATE
        return Role.READ if self.read_gid in peer.gids else Role.NONE

    def check(self, peer: Peer, verb: str) -> None:
        """Let a verb pass.

        Raises:
            CommandError: the peer may not ask for it.
        """
        needed = Role.READ if verb in READ_VERBS else Role.OPERATE
        role = self.role(peer)
        if role < needed:
            gid = self.read_gid if needed is Role.READ else self.operate_gid
            who = "root or the executor's user" if gid is None else f"a member of {_name(gid)}"
            raise CommandError(
                f"asked to {verb} as user {peer.uid}",
                f"that user may {'read only' if role is Role.READ else 'not ask this executor'}",
                f"ask as {who}; see --read-group and --operate-group of joulepilot-node run",
            )


def peer_of(connection: socket.socket) -> Peer:
    """Ask the kernel who connected.

    Raises:
        OSError: it does not say.
    """
    size = _CREDENTIALS.size
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    pid, uid, gid = _CREDENTIALS.unpack(raw)
    try:
        packed = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BYTES)
    except OSError:  # an old kernel, or more groups than fit: then only the first one counts
        packed = b""
    others = struct.unpack(f"{len(packed) // _GROUP_BYTES}I", packed)
    return Peer(pid, uid, frozenset({gid, *others}))


def _gid(name: str | None) -> int | None:
    if name is None:
        return None
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise CommandError(
            f"asked to give a role to the group {name!r}",
            "there is no such group on this host",
            f"groupadd --system {name}, or name another",
        ) from error


def _name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return f"group {gid}"
