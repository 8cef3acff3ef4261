// What `zkServer.sh status` says, in the words of Apache's script, and what a health check makes of a server's answer.
// Pure: files and answers go in as text. Source: ZooKeeper zkServer.sh, "status".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zk::image {

/// Where a server's clients connect, as its zoo.cfg says.
struct ClientDoor {
    std::string address;  ///< as it is told; "localhost" where the file says nothing
    std::uint16_t port = 0;
};

struct FoundDoor {
    std::string words;               ///< lines for stdout, each with its end
    std::optional<ClientDoor> door;  ///< nothing: the words end with the reason
};
/// `myid`: what the file in dataDir holds; nothing: it cannot be read.
FoundDoor find_client_door(std::string_view zoo_cfg, const std::optional<std::string>& myid);
/// dataDir, or nothing.
std::optional<std::string> data_dir_of(std::string_view zoo_cfg);

/// What to dial for an address that a server listens on: itself, where that is no particular one.
std::string dialled(const std::string& address);

/// "Mode: leader" of an answer to `srvr`; empty: it holds none.
std::string mode_line(std::string_view answer);

struct Health {
    bool healthy = false;
    std::string words;
};
/// From the answer to `srvr`, which a server's whitelist may forbid: then all that is known is that it answers.
Health judge(std::string_view answer);

}  // namespace zk::image
