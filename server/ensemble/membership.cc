// See membership.h.
#include "ensemble/membership.h"

#include <utility>

#include "base/check.h"

namespace zk::ensemble {

Membership::Membership(EnsembleConfig config)
    : config_(std::move(config)), text_(to_string(config_)), quorum_(config_) {}

void Membership::adopt_version(std::int64_t version) {
    ZK_ASSERT(version > config_.version);
    config_.version = version;
    text_ = to_string(config_);
}

}  // namespace zk::ensemble
