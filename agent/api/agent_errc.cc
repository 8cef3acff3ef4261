#include "agent_api/agent_errc.h"

#include "base/numbers.h"

namespace zk::agent_api {
namespace {

class AgentErrcCategory final : public boost::system::error_category {
  public:
    [[nodiscard]] const char* name() const noexcept override { return "zkprov-agent"; }
    [[nodiscard]] std::string message(int value) const override {
        return std::string(to_string(static_cast<AgentErrc>(value - 1)));
    }
};

const AgentErrcCategory& category() {
    static const AgentErrcCategory instance;
    return instance;
}

}  // namespace

boost::system::error_code make_error_code(AgentErrc errc) {
    return {static_cast<int>(errc) + 1, category()};
}

std::optional<AgentErrc> agent_errc(const Error& error) {
    if (error.code.category() != category()) return std::nullopt;
    return static_cast<AgentErrc>(error.code.value() - 1);
}

Error from_agent_error(const AgentError& error) {
    return {make_error_code(error.code), error.words};
}

AgentError no_room(const std::string& path, std::uint64_t needed_bytes, std::uint64_t free_bytes) {
    return {AgentErrc::disk_full,
            path + ": " + mebibytes_needed(needed_bytes) + " are needed and " +
                mebibytes(free_bytes) + " are free; free some space there"};
}

}  // namespace zk::agent_api
