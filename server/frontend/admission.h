// May one more client connect? The limits on connections of one server, and how often a refusal is
// told: a client that comes back again and again must not fill the log.
// Pure. One for all client loops of a server. Source: ZooKeeper NIOServerCnxnFactory, ServerCnxnFactory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace zk::frontend {

class Admission {
  public:
    struct Limits {
        int per_address_max = 60;  ///< maxClientCnxns; 0: no limit
        int connections_max = 0;   ///< maxCnxns; 0: no limit
        /// Connections for which there are file descriptors, when other rooms keep theirs; 0: unknown.
        int descriptors_max = 0;
    };
    static constexpr Duration kRefusalsTold = std::chrono::seconds(10);

    struct Answer {
        /// Empty: admitted, until left(). Else the setting that leaves no room.
        std::string_view limit{};
        /// How many have been refused since the last time that was told; 0: not now.
        std::int64_t refused_to_tell = 0;
    };

    explicit Admission(Limits limits) : limits_(limits) {}

    Answer enter(const std::string& address, Instant now);
    void left(const std::string& address);
    [[nodiscard]] std::size_t count() const { return count_; }

  private:
    [[nodiscard]] std::string_view limit_reached(int from_there) const;

    const Limits limits_;
    std::map<std::string, int> by_address_;  ///< those that are here
    std::size_t count_ = 0;
    std::int64_t refused_ = 0;
    std::optional<Instant> told_;
};

}  // namespace zk::frontend
