#include "ensemble/quorum_verifier.h"

#include <gtest/gtest.h>

namespace zk::ensemble {
namespace {

EnsembleConfig with_voters(int count) {
    EnsembleConfig config;
    for (int sid = 1; sid <= count; ++sid) {
        config.members[ServerId(sid)] = {ServerId(sid), "h", 1, 2, Role::participant, {}};
    }
    config.members[ServerId(100)] = {ServerId(100), "h", 1, 2, Role::observer, {}};
    return config;
}

std::set<ServerId> first(int count) {
    std::set<ServerId> sids;
    for (int sid = 1; sid <= count; ++sid) sids.insert(ServerId(sid));
    return sids;
}

TEST(QuorumVerifier, NeedsMoreThanHalfOfTheVoters) {
    for (int voters = 1; voters <= 7; ++voters) {
        const QuorumVerifier verifier(with_voters(voters));
        for (int count = 0; count <= voters; ++count) {
            EXPECT_EQ(verifier.has_quorum(first(count)), count * 2 > voters) << voters << count;
        }
    }
}

TEST(QuorumVerifier, ObserversAndStrangersDoNotCount) {
    const QuorumVerifier verifier(with_voters(3));
    EXPECT_FALSE(verifier.has_quorum({ServerId(1), ServerId(100), ServerId(55)}));
    EXPECT_TRUE(verifier.has_quorum({ServerId(1), ServerId(3), ServerId(100)}));
    EXPECT_FALSE(verifier.is_voter(ServerId(100)));
}

TEST(QuorumVerifier, NobodyIsNoQuorum) {
    EXPECT_FALSE(QuorumVerifier(EnsembleConfig{}).has_quorum({}));
}

}  // namespace
}  // namespace zk::ensemble
