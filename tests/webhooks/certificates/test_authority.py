"""The steps of authority and certificate through time."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from ome.reconciler.tls import load_pair, server_context
from ome.webhooks.certificates.authority import (
    AUTHORITY_LIFE,
    LEAF_LIFE,
    PUBLISH,
    Material,
    advance,
    next_step,
)
from ome.webhooks.serving import service_hosts

if TYPE_CHECKING:
    from cryptography import x509

HOSTS = ("127.0.0.1", *service_hosts("ome"))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def grown(now: datetime = NOW) -> Material:
    return advance(None, HOSTS, now)


def handshake(shown: Material, trusted: bytes, name: str) -> bool:
    """Whether a client that trusts a bundle accepts what a server shows, apart from its time."""
    server, client = server_context(), ssl.create_default_context(cadata=trusted.decode())
    load_pair(server, shown.chain, shown.leaf_key)
    # The test runs at any time; what counts here are names and signatures.
    client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        server.wrap_bio(there, back, server_side=True),
        client.wrap_bio(back, there, server_hostname=name),
    )
    done: set[int] = set()
    for _ in range(6):
        for place in (1, 0):
            try:
                ends[place].do_handshake()
                done.add(place)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLCertVerificationError:
                return False
            except ssl.SSLError:
                return False
    return done == {0, 1}


def test_the_first_certificate_is_of_an_authority_of_its_own() -> None:
    material = grown()
    assert material.leaf.not_valid_after_utc == NOW + LEAF_LIFE
    assert material.authorities[0].not_valid_after_utc == NOW + AUTHORITY_LIFE
    names = material.leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert names[0].value == "ome-webhook-server-service.ome.svc"
    assert Material.parse(
        material.bundle, material.authority_key, material.chain, material.leaf_key
    ).leaf == (material.leaf)


def test_clients_that_know_the_bundle_accept_every_name_and_others_none() -> None:
    # By the machine's clock, which a real handshake goes by.
    material, other = grown(datetime.now(UTC)), grown(datetime.now(UTC))
    for name in HOSTS:
        assert handshake(material, material.bundle, name)
    assert not handshake(material, material.bundle, "elsewhere.svc")
    assert not handshake(material, other.bundle, HOSTS[-1])


def test_nothing_changes_before_it_is_due() -> None:
    material = grown()
    due = next_step(material, HOSTS)
    assert advance(material, HOSTS, due - SECOND) is material
    assert advance(material, HOSTS, due) is not material


def test_a_certificate_is_renewed_at_two_thirds_of_its_life_by_the_same_authority() -> None:
    material = grown()
    due = next_step(material, HOSTS)
    renewed = advance(material, HOSTS, due)
    assert timedelta(days=59) < due - NOW < timedelta(days=61)
    assert renewed.authorities == material.authorities
    assert renewed.leaf.not_valid_after_utc == due + LEAF_LIFE


def test_other_names_make_another_certificate() -> None:
    material = grown()
    hosts = ("10.0.0.1", *HOSTS)
    assert next_step(material, hosts) <= NOW
    changed = advance(material, hosts, NOW)
    assert changed.leaf != material.leaf
    assert advance(changed, hosts, NOW) is changed


def rotated() -> tuple[Material, Material, datetime]:
    """A material just before and just after a new authority joined."""
    material, now = grown(), NOW
    while True:
        now = next_step(material, HOSTS)
        following = advance(material, HOSTS, now)
        if len(following.authorities) == 2:
            return material, following, now
        material = following


def test_a_new_authority_is_known_for_a_minute_before_it_signs() -> None:
    before, joined, now = rotated()
    assert joined.authorities[0] == before.authorities[0]
    assert joined.leaf == before.leaf
    assert next_step(joined, HOSTS) == now + PUBLISH
    assert advance(joined, HOSTS, now + PUBLISH - SECOND) is joined
    signed = advance(joined, HOSTS, now + PUBLISH)
    assert signed.issuer == joined.authorities[1]
    assert signed.authorities == joined.authorities


def test_an_old_authority_goes_after_its_longest_certificate() -> None:
    _, joined, now = rotated()
    signed = advance(joined, HOSTS, now + PUBLISH)
    longest = joined.leaf.not_valid_after_utc
    later = longest - SECOND
    assert joined.authorities[0] in advance(signed, HOSTS, later).authorities
    gone = advance(signed, HOSTS, now + PUBLISH + LEAF_LIFE)
    assert gone.authorities == (joined.authorities[1],)


def test_after_a_long_stop_everything_is_made_anew_at_once() -> None:
    late = NOW + AUTHORITY_LIFE + SECOND
    renewed = advance(grown(), HOSTS, late)
    assert len(renewed.authorities) == 1
    assert renewed.leaf.not_valid_after_utc > late


def test_an_ended_certificate_does_not_wait_for_the_minute() -> None:
    late = NOW + AUTHORITY_LIFE * 0.7
    renewed = advance(grown(), HOSTS, late)
    assert renewed.leaf.not_valid_after_utc > late
    assert renewed.issuer == renewed.authorities[-1]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.timedeltas(timedelta(seconds=1), timedelta(days=200)), max_size=12))
def test_whenever_it_is_looked_at_what_any_replica_shows_is_known_to_all(
    pauses: list[timedelta],
) -> None:
    """A certificate that has not ended is always of an authority in the newest bundle."""
    material, now = grown(), NOW
    shown: list[x509.Certificate] = [material.leaf]
    for pause in pauses:
        now += pause
        material = advance(material, HOSTS, now)
        shown.append(material.leaf)
        assert material.leaf.not_valid_before_utc <= now < material.leaf.not_valid_after_utc
        for leaf in shown:
            if leaf.not_valid_after_utc <= now:
                continue
            known = [item for item in material.authorities if _issued(leaf, item)]
            assert known
        assert advance(material, HOSTS, now) is material
        assert next_step(material, HOSTS) > now


def _issued(leaf: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(authority)
    except Exception:
        return False
    return True


@pytest.mark.parametrize("place", range(4))
def test_material_that_does_not_hold_together_is_refused(place: int) -> None:
    one, other = grown(), grown()
    texts = [one.bundle, one.authority_key, one.chain, one.leaf_key]
    texts[place] = [other.bundle, other.authority_key, other.chain, other.leaf_key][place]
    with pytest.raises(ValueError, match="certificate"):
        Material.parse(*texts)
