// The first words on a connection of the election port: who calls, and where it listens.
// Pure. Source: ZooKeeper QuorumCnxManager.InitialMessage; byte table in docs/WIRE.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "ensemble/ensemble_config.h"

namespace zk::election {

struct InitialMessage {
    ServerId sid;
    /// "host:port", of version 2 several joined by '|'; empty: a server of 3.4, which does not say it.
    std::string addresses;
};

/// Bytes of our version 1 message. They must go out in one write: Java reads the text with a single read.
Bytes encode_initial_message(ServerId my_id, const std::string& address);

/// Takes bytes as they come; what follows the message is kept for the reader of frames.
class InitialMessageReader {
  public:
    enum class State { wants_more, done, broken };

    State feed(ByteView bytes);
    /// REQUIRES: done.
    [[nodiscard]] const InitialMessage& message() const { return message_; }
    [[nodiscard]] ByteView rest() const { return ByteView(bytes_).substr(taken_); }

  private:
    State read();

    Bytes bytes_;
    std::size_t taken_ = 0;
    InitialMessage message_;
};

/// The first of the addresses as Java writes them; nullopt for anything else and for wildcard addresses, which lead
/// nowhere.
std::optional<ensemble::HostPort> advertised_address(const InitialMessage& message);

}  // namespace zk::election
