"""P7.1 to P7.5, P7.9: every fault of the grammar proves nobody, and tells only the operator which it was."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relying_parties.models import RelyingParty
from tests.support.assertions import (
    new_cluster,
    new_credential,
    new_robot,
    new_workload,
    of_cluster,
    own,
    send,
    why_refused,
)
from tests.support.cast import Cast
from tests.support.forging import ALGS, Change, Draft, Signer, header, signer
from tests.support.jwt_faults import FAULTS
from tests.support.jwt_faults.claims import OWN_FAULTS, TRUSTED_FAULTS
from tests.support.jwt_faults.fault import SIGNATURE, Fault, with_changes
from tests.support.jwt_faults.harmless import OWN_HARMLESS, TRUSTED_HARMLESS

pytestmark = pytest.mark.contract("P7.1", "P7.2", "P7.3", "P7.4", "P7.5", "P7.9")

OWN = FAULTS | {"a client's own claims": OWN_FAULTS}
TRUSTED = FAULTS | {"a trusted issuer's claims": TRUSTED_FAULTS}
ALL_OWN = {name: fault for faults in OWN.values() for name, fault in faults.items()}
ONE_OF_EACH_KIND = {"RS256", "ES256", "EdDSA"}


@pytest.fixture
def robot(cast: Cast) -> RelyingParty:
    """It has a key for each algorithm; so has `others`, another client."""
    new_robot(cast, signer("RS256", "others"), client_id="others")
    return new_robot(cast)


@pytest.fixture
def workload(cast: Cast) -> RelyingParty:
    relying_party = new_workload(cast)
    new_credential(relying_party, new_cluster(cast))
    return relying_party


def forged(draft: Draft, by: Signer, fault: Fault) -> str | None:
    """None where this signer cannot have the fault."""
    change = fault.change(by)
    return change(draft).made() if change else None


@pytest.mark.spec("RFC 7523", "3")
@pytest.mark.spec("RFC 8725", "3")
@pytest.mark.parametrize("of", OWN)
def test_a_clients_own_assertion_with_one_fault_is_refused(cast: Cast, robot: RelyingParty, of: str) -> None:
    unexpected = {}
    for name, fault in OWN[of].items():
        for by in map(signer, fault.signers):
            if (assertion := forged(own(cast, by), by, fault)) is not None:
                why = why_refused(assertion, client_id="robot")
                if not re.fullmatch(fault.why, why):
                    unexpected[name, by.alg] = why
    assert not unexpected


@pytest.mark.spec("RFC 7523", "3")
@pytest.mark.parametrize("of", TRUSTED)
def test_a_trusted_issuers_assertion_with_one_fault_is_refused(
    cast: Cast, workload: RelyingParty, of: str
) -> None:
    unexpected = {}
    for name, fault in TRUSTED[of].items():
        for by in map(signer, ONE_OF_EACH_KIND.intersection(fault.signers) or fault.signers):
            if (assertion := forged(of_cluster(cast, by), by, fault)) is not None:
                why = why_refused(assertion, client_id="workload")
                if not re.fullmatch(fault.why, why):
                    unexpected[name, by.alg] = why
    assert not unexpected


@pytest.mark.parametrize("alg", ALGS)
def test_what_is_no_fault_of_a_clients_own_is_none(cast: Cast, robot: RelyingParty, alg: str) -> None:
    by = signer(alg)
    for changes in ([], *([change] for change in OWN_HARMLESS.values())):
        proves(with_changes(own(cast, by), by, changes), client_id="robot")
        proves(with_changes(own(cast, by), by, changes))


@pytest.mark.parametrize("alg", ALGS)
def test_what_is_no_fault_of_a_trusted_issuers_is_none(cast: Cast, workload: RelyingParty, alg: str) -> None:
    by = signer(alg)
    for changes in ([], *([change] for change in TRUSTED_HARMLESS.values())):
        proves(with_changes(of_cluster(cast, by), by, changes), client_id="workload")


def proves(draft: Draft, **parameters: str) -> None:
    answer = send(draft.made(), **parameters)
    assert answer.status == 200, answer.json
    assert answer.claims["client_id"] == parameters.get("client_id", "robot")


Changes = list[Callable[[Signer], Change]]


def harmless_of(kind: dict[str, Callable[[Signer], Change]]) -> st.SearchStrategy[Changes]:
    return st.lists(st.sampled_from(list(kind.values())), max_size=6)


@given(alg=st.sampled_from(ALGS), changes=harmless_of(OWN_HARMLESS))
def test_a_clients_own_assertion_differs_in_many_harmless_ways(
    cast: Cast, robot: RelyingParty, alg: str, changes: Changes
) -> None:
    proves(with_changes(own(cast, signer(alg)), signer(alg), changes), client_id="robot")


@given(alg=st.sampled_from(ALGS), changes=harmless_of(TRUSTED_HARMLESS))
def test_a_trusted_issuers_assertion_differs_in_many_harmless_ways(
    cast: Cast, workload: RelyingParty, alg: str, changes: Changes
) -> None:
    proves(with_changes(of_cluster(cast, signer(alg)), signer(alg), changes), client_id="workload")


@given(alg=st.sampled_from(ALGS), changes=harmless_of(OWN_HARMLESS), name=st.sampled_from(list(ALL_OWN)))
def test_one_fault_among_what_is_harmless_is_found(
    cast: Cast, robot: RelyingParty, alg: str, changes: Changes, name: str
) -> None:
    by, fault = signer(alg), ALL_OWN[name]
    draft = with_changes(own(cast, by), by, changes)
    if (assertion := forged(draft, by, fault)) is not None:
        # Without a kid each key that allows the alg is tried: a key that does not is not named.
        assert re.fullmatch(f"{fault.why}|{SIGNATURE}", why_refused(assertion, client_id="robot"))


@pytest.mark.spec("RFC 8725", "3.1")
def test_a_key_with_an_alg_allows_that_one_alone(cast: Cast) -> None:
    bound = [{**signer(alg).jwk, "alg": alg, "kid": f"of-{alg}"} for alg in ALGS]
    new_robot(cast, client_jwks={"keys": bound})
    for kid_of in ALGS:
        for alg in ALGS:
            if signer(alg).kid != signer(kid_of).kid:
                continue
            draft = own(cast, signer(alg))
            assertion = header(kid=f"of-{kid_of}")(draft).made()
            if alg == kid_of:
                assert send(assertion).status == 200
            else:
                assert (
                    why_refused(assertion) == f"Its alg is {alg}, which the key of-{kid_of} does not allow."
                )
