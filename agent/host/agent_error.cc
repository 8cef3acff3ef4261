#include "agent_host/agent_error.h"

#include "agent_api/agent_errc.h"
#include "agent_host/posix.h"

namespace zk::agent_host {
namespace {

using agent_api::AgentErrc;
using agent_api::AgentError;

}  // namespace

AgentError to_agent_error(const Error& error) {
    if (const auto code = agent_api::agent_errc(error)) return {*code, error.words};
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

}  // namespace zk::agent_host
