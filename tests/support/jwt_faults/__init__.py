"""A grammar of what can be wrong with a JWT, and of what may differ and is right: each is one change of a good one.

Whatever a forger can sign again is signed again, so that nothing but the fault itself is there to refuse it for.
"""

from tests.support.jwt_faults.algorithms import ALG_FAULTS
from tests.support.jwt_faults.claims import CLAIM_FAULTS
from tests.support.jwt_faults.headers import HEADER_FAULTS
from tests.support.jwt_faults.json_texts import JSON_FAULTS
from tests.support.jwt_faults.segments import SEGMENT_FAULTS
from tests.support.jwt_faults.signatures import SIGNATURE_FAULTS

FAULTS = {
    "algorithms": ALG_FAULTS,
    "signatures": SIGNATURE_FAULTS,
    "segments": SEGMENT_FAULTS,
    "JSON": JSON_FAULTS,
    "headers": HEADER_FAULTS,
    "claims": CLAIM_FAULTS,
}
"""Those that any assertion can have."""
