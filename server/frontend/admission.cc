// Limits on client connections. See admission.h.
#include "frontend/admission.h"

#include <utility>

#include "base/check.h"

namespace zk::frontend {

Admission::Answer Admission::enter(const std::string& address, Instant now) {
    const auto there = by_address_.find(address);
    Answer answer{limit_reached(there == by_address_.end() ? 0 : there->second)};
    if (answer.limit.empty()) {
        ++by_address_[address];
        ++count_;
        return answer;
    }
    ++refused_;
    if (told_ && now - *told_ < kRefusalsTold) return answer;
    told_ = now;
    answer.refused_to_tell = std::exchange(refused_, 0);
    return answer;
}

void Admission::left(const std::string& address) {
    const auto there = by_address_.find(address);
    ZK_ASSERT(there != by_address_.end() && count_ > 0);
    --count_;
    if (--there->second == 0) by_address_.erase(there);
}

std::string_view Admission::limit_reached(int from_there) const {
    const auto reached = [](std::size_t count, int limit) {
        return limit > 0 && count >= static_cast<std::size_t>(limit);
    };
    if (reached(static_cast<std::size_t>(from_there), limits_.per_address_max))
        return "maxClientCnxns";
    if (reached(count_, limits_.connections_max)) return "maxCnxns";
    if (reached(count_, limits_.descriptors_max)) return "open_files";
    return {};
}

}  // namespace zk::frontend
