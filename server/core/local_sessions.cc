// Sessions of this server alone. See local_sessions.h.
#include "core/local_sessions.h"

#include "session/session_ids.h"

namespace zk::core {

void LocalSessions::begin_serving(bool read_only, Instant now) {
    read_only_ = read_only;
    if (!wanted()) sessions_.clear();
    sessions_.restart_all(now);
}

std::vector<SessionId> LocalSessions::expire(Instant now) {
    std::vector<SessionId> expired = sessions_.expire(now);
    for (const SessionId session : expired) sessions_.remove(session);
    return expired;
}

std::optional<std::int32_t> LocalSessions::upgrade(SessionId session) {
    if (mode_ != LocalSessionMode::upgradable || read_only_) return std::nullopt;
    const std::optional<std::int32_t> timeout_ms = sessions_.timeout_ms(session);
    sessions_.remove(session);
    return timeout_ms;
}

bool LocalSessions::may_be_local(SessionId session, ServerId me) const {
    if (mode_ == LocalSessionMode::off) return false;
    return sessions_.contains(session) || session::server_of(session) != me;
}

}  // namespace zk::core
