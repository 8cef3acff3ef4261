#include "agent_api/agent_errc.h"

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

}  // namespace zk::agent_api
