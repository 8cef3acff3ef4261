// Looks at each answer of one session: what must hold of it whatever the server is.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "zkload/workload.h"

namespace zk::load {

class ReplyChecks {
  public:
    explicit ReplyChecks(const Workload& workload) : workload_(workload) {}
    /// What is wrong with the answer `frame` to `job`, which went out as `xid`; empty when nothing
    /// is.
    std::string check(const Job& job, Xid xid, ByteView frame);

  private:
    std::string check_stat(const Job& job, ByteView stat);

    const Workload& workload_;
    Zxid last_zxid_;
    /// Of the node: exact when it is the session's own, else the newest this session was told of.
    std::int32_t version_ = 0;
};

}  // namespace zk::load
