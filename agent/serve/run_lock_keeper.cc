#include "agent_serve/run_lock_keeper.h"

#include <cstdlib>

#include "agent_api/agent_errc.h"
#include "agent_host/posix.h"
#include "clocks/clocks.h"

namespace zk::agent_serve {
namespace {

using agent_api::AgentErrc;
using agent_api::LockAction;
using agent_api::LockRequest;
using agent_api::LockState;

Instant now() {
    const auto time = std::chrono::steady_clock::now().time_since_epoch();
    return Instant(std::chrono::duration_cast<Duration>(time));
}

/// As sshd tells it: "address port port"; sudo may have taken it away.
std::string client_address() {
    const char* const client = std::getenv("SSH_CLIENT");  // NOLINT(concurrency-mt-unsafe)
    const std::string text = client == nullptr ? "" : client;
    return text.substr(0, text.find(' '));
}

}  // namespace

Result<LockState> RunLockKeeper::answer(const LockRequest& request) {
    switch (request.action) {
        case LockAction::show:
            break;
        case LockAction::take:
            ZK_CHECK(take(request));
            break;
        case LockAction::number:
            ZK_CHECK(record(request));
            break;
        case LockAction::check:
            if (rules_.held()) rules_.checked(now());
            break;
        case LockAction::release:
            kernel_lock_.reset();
            rules_.released();
            break;
        case LockAction::revoke:
            ZK_CHECK(revoke(request));
            break;
    }
    return state_now();
}

Result<> RunLockKeeper::take(const LockRequest& request) {
    if (rules_.held()) return ok();
    ZK_CHECK(state_.prepare());
    holder_ = request.holder;
    holder_.from = client_address();
    holder_.since = clocks::wall_now();
    ZK_TRY(kernel_lock_, state_.take_run_lock(holder_));
    if (!kernel_lock_) return ok();
    const auto recorded = state_.load_fence();
    if (!recorded.has_value()) {
        kernel_lock_.reset();
        return recorded.error();
    }
    rules_.taken(now(), *recorded);
    return ok();
}

Result<> RunLockKeeper::record(const LockRequest& request) {
    if (!rules_.held()) return ok();
    // Before the number is on the disk: what others confirm is not older than this.
    const Instant asked_at = now();
    ZK_TRY(const auto alone, state_.lock_fence());
    ZK_TRY(const auto recorded, state_.load_fence());
    if (!rules_.may_number(request.number, recorded)) {
        return Error(Errc::invalid,
                     "the number " + std::to_string(request.number) +
                         " of this run is not above the last one of this node, " +
                         std::to_string(recorded));
    }
    ZK_CHECK(state_.save_fence(request.number));
    rules_.numbered(asked_at, request.number);
    return ok();
}

/// Whoever has it finds another number than its own and lets go. A run that came after the one that
/// is meant keeps it.
Result<> RunLockKeeper::revoke(const LockRequest& request) {
    ZK_CHECK(state_.prepare());
    ZK_TRY(const auto holder, state_.run_lock_holder());
    if (holder && !agent_api::is_same_run(*holder, request.holder)) return ok();
    ZK_TRY(const auto alone, state_.lock_fence());
    ZK_TRY(const auto recorded, state_.load_fence());
    return state_.save_fence(recorded + 1);
}

void RunLockKeeper::look() {
    if (!rules_.held()) return;
    const auto recorded = state_.load_fence();
    // A number that cannot be read allows no change, and is told when one is tried.
    const auto why = rules_.look(now(), recorded.has_value() ? *recorded : rules_.expected());
    if (!why) return;
    kernel_lock_.reset();
    rules_.released(*why);
}

void RunLockKeeper::heard() {
    if (rules_.held()) rules_.heard(now());
}

Result<> RunLockKeeper::may_change() const {
    ZK_TRY(const auto recorded, state_.load_fence());
    const auto why = rules_.may_change(now(), recorded);
    if (!why) return ok();
    return agent_api::from_agent_error(
        {AgentErrc::lock_lost,
         "nothing more is changed by this run: " + std::string(words_of(*why))});
}

void RunLockKeeper::note(const std::string& what) const {
    const std::string line = to_string(clocks::wall_now()) + " run " +
                             std::to_string(rules_.own_number().value_or(0)) + " " + what + " (" +
                             holder_.command + " by " + holder_.user + "@" + holder_.host +
                             " pid " + std::to_string(holder_.pid) + ")";
    // Whether it can be written decides nothing.
    (void)state_.note_change(line);
}

Result<LockState> RunLockKeeper::state_now() const {
    LockState state;
    ZK_TRY(state.number, state_.load_fence());
    state.yours = rules_.held();
    if (!state.yours) state.lost = words_of(rules_.lost());
    if (state.yours) {
        state.holder = holder_;
    } else {
        ZK_TRY(state.holder, state_.run_lock_holder());
    }
    if (state.holder && state.holder->since.value() > 0) {
        state.held_ms = clocks::wall_now().value() - state.holder->since.value();
    }
    return state;
}

}  // namespace zk::agent_serve
