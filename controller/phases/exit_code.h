// How zkprov ends: one number for each outcome that a script may want to tell apart.
// The numbers are documented (`zkprov help exit-codes`) and do not change.
// See docs/PROVISIONING.md 4.2.
#pragma once

namespace zk::phases {

enum class ExitCode : int {
    done = 0,         ///< done, or nothing to change; status: healthy
    changes = 2,      ///< plan --exit-code: there is something to change
    invalid = 3,      ///< usage or inventory
    unreachable = 4,  ///< a host does not answer; nothing was changed anywhere
    partly = 5,       ///< some nodes were changed, then something failed; run the command again
    preflight = 6,    ///< a check before the first change failed; nothing was changed
    busy = 7,         ///< another zkprov changes a node right now
    quorum = 8,       ///< refused: the ensemble would lose its quorum, or its data
    gate = 9,         ///< the ensemble did not become healthy in time
    login = 10,       ///< host key or login
    degraded = 20,    ///< status: serving, but not all is well
    no_quorum = 21,   ///< status: no leader with a quorum
    unknown = 22,     ///< status: too few nodes answered to say
    interrupted = 130,
};

}  // namespace zk::phases
