// What a client asks for, by chance: many writers on few registers, conditional and not; churn of children under several
// parents, plain, ephemeral and sequential; multis that succeed and fail; ACLs; reads with and without watches, some
// behind a sync. Pure. Every value is written once only. It knows what its client was answered last, so that conditional
// operations hit now and then.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "jute/codes.h"
#include "jute/protocol.h"
#include "sim/random.h"

namespace zk::sim {

struct WorkloadOptions {
    int registers = 3;
    int parents = 3;
    int acl_nodes = 2;
    int names = 6;               ///< plain children of a parent
    int watch_percent = 35;      ///< of the reads
    int large_percent = 2;       ///< of the values
    int large_bytes_max = 3000;  ///< up to jute.maxbuffer
    int in_flight_max = 5;       ///< of one client
    int pause_ms_max = 60;       ///< between an answer and the next requests
    int timeout_step_ms = 2000;  ///< session timeouts: 2 s and 0 to 3 steps
    int close_per_mille = 6;     ///< closeSession
    int drop_per_mille = 4;      ///< the client closes its connection
    int abandon_percent = 8;     ///< of lost connections: the session is never spoken for again
    int away_percent = 8;        ///< of lost connections: the client comes back after seconds
};

struct Asked {
    OpCode op{};
    Bytes body;
};

class Workload {
  public:
    Workload(const WorkloadOptions& options, Random& random, int client);

    /// Creates of the nodes that everything else is about; they may exist.
    [[nodiscard]] std::vector<Asked> setup() const;
    /// Some requests that belong together: mostly one.
    std::vector<Asked> next();
    Asked large_write();
    /// A sync, then a look at everything.
    [[nodiscard]] std::vector<Asked> last() const;
    void learn(const Asked& asked, ErrorCode error, ByteView body);

    /// What this client proves on each of its connections: "user:password"; empty: nothing.
    [[nodiscard]] std::string credentials() const;
    /// The identity which that gives.
    [[nodiscard]] std::vector<jute::AuthId> identity() const;

  private:
    Asked write();
    Asked read();
    Asked multi();
    Asked set_data(const std::string& path);
    Asked create(const std::string& path, CreateMode mode);
    Asked remove();
    Asked acl();
    std::vector<Asked> churn();
    std::vector<Asked> left_over();
    Bytes value();
    std::string name(const char* kind, int count);
    std::string child();
    std::string any_node();
    std::int32_t version_of(const std::string& path);

    WorkloadOptions options_;
    Random& random_;
    int client_;
    int next_value_ = 0;
    std::map<std::string, std::int32_t> versions_;              ///< seen last
    std::map<std::string, std::vector<std::string>> children_;  ///< seen last
};

}  // namespace zk::sim
