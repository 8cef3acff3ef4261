#include "agent_host/random.h"

#include <array>

#include <fmt/core.h>
#include <sys/random.h>

#include "agent_host/posix.h"
#include "base/check.h"

namespace zk::agent_host {
namespace {

constexpr std::size_t kNonceBytes = 16;

}  // namespace

Result<std::string> random_hex(std::size_t bytes) {
    std::array<unsigned char, 64> random{};
    ZK_ASSERT(bytes <= random.size());
    // So few bytes come whole, or not at all.
    if (::getrandom(random.data(), bytes, 0) != static_cast<ssize_t>(bytes)) {
        return system_error("get random numbers");
    }
    std::string text;
    for (std::size_t i = 0; i < bytes; ++i) text += fmt::format("{:02x}", random.at(i));
    return text;
}

Result<std::string> new_nonce() { return random_hex(kNonceBytes); }

}  // namespace zk::agent_host
