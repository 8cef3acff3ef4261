#include "agent_host/agent_error.h"

#include "agent_host/posix.h"

namespace zk::agent_host {
namespace {

using agent_api::AgentErrc;
using agent_api::AgentError;

class AgentErrcCategory : public boost::system::error_category {
  public:
    [[nodiscard]] const char* name() const noexcept override { return "zkprov-agent"; }
    [[nodiscard]] std::string message(int value) const override {
        return std::string(agent_api::to_string(static_cast<AgentErrc>(value)));
    }
};

const AgentErrcCategory& category() {
    static const AgentErrcCategory instance;
    return instance;
}

}  // namespace

AgentError to_agent_error(const Error& error) {
    if (error.code.category() == category()) {
        return {static_cast<AgentErrc>(error.code.value()), error.words};
    }
    if (is_no_room(error)) {
        return {AgentErrc::disk_full, error.message() + "; free some space there and run again"};
    }
    if (is_no_right(error)) {
        return {AgentErrc::no_right,
                error.message() +
                    "; the agent needs the right to do that: log in as root or as a "
                    "user who may become root by sudo, or choose other directories"};
    }
    if (error.code == make_error_code(Errc::refused)) return {AgentErrc::busy, error.words};
    if (error.code == make_error_code(Errc::unsupported)) {
        return {AgentErrc::unsupported, error.words};
    }
    if (error.code == make_error_code(Errc::invalid)) return {AgentErrc::invalid, error.words};
    return {AgentErrc::failed, error.message()};
}

Error from_agent_error(const AgentError& error) {
    return {boost::system::error_code(static_cast<int>(error.code), category()), error.words};
}

}  // namespace zk::agent_host
