// The resident agent: looks at the server every second, remembers elections, keeps a supervised
// server running, and answers on its unix socket. Shell, Asio: one thread, one loop. Ends on
// SIGTERM or SIGINT; the server goes on without it.
#pragma once

#include <memory>
#include <string>

#include "agent_host/state_dir.h"
#include "base/log.h"
#include "base/result.h"

namespace zk::agent_serve {

class Resident {
  public:
    Resident(agent_host::StateDir state, Log log);
    ~Resident();
    Resident(const Resident&) = delete;
    Resident& operator=(const Resident&) = delete;

    /// Runs until a signal comes. Errc::refused when another agent is resident here.
    Result<> run();

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace zk::agent_serve
