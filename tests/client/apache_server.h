// One standalone Apache ZooKeeper on loopback for the tests of the client: started once, stopped by
// its pid.
#pragma once

#include <cstdint>
#include <string>

#include <sys/types.h>

namespace zk::client {

class ApacheServer {
  public:
    /// The one server of this test program, or nullptr (said loudly) when Java or the package
    /// `zookeeper` is missing.
    static ApacheServer* shared();
    ~ApacheServer();
    ApacheServer(const ApacheServer&) = delete;
    ApacheServer& operator=(const ApacheServer&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }

  private:
    ApacheServer();
    bool start();

    std::string dir_;
    std::uint16_t port_ = 0;
    pid_t pid_ = -1;
};

/// A port of 127.0.0.1 that was free a moment ago.
std::uint16_t free_port();

}  // namespace zk::client
