"""Why a request gets no token: from what somebody pastes, in a dry run."""
