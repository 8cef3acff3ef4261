#include "elections/causes.h"

namespace zk::elections {
namespace {

using agent_api::Cause;
using agent_api::Role;

constexpr std::string_view kOwnStart =
    "the server has started";  // what a server's first search says

Found found(Cause cause, std::string words = {}) {
    Found result;
    result.cause = cause;
    result.words = std::move(words);
    return result;
}

Found end_of(const ProcessEnd& end) {
    Found result;
    result.words = end.words;
    if (end.at != WallMs(0)) result.at = end.at;
    switch (end.way) {
        case ProcessEnd::Way::unknown:
            result.cause = Cause::ended;
            break;
        case ProcessEnd::Way::exited:
            result.cause = Cause::exited;
            result.exit_status = end.number;
            break;
        case ProcessEnd::Way::killed:
            result.cause = Cause::killed;
            result.signal = end.number;
            break;
        case ProcessEnd::Way::watchdog:
            result.cause = Cause::watchdog;
            result.signal = end.number;
            break;
    }
    return result;
}

/// What zkprov did to the process `pid`.
const Deed* deed_against(const Evidence& evidence, std::int64_t pid) {
    const Deed* last = nullptr;
    for (const Deed& deed : evidence.deeds) {
        if (deed.pid == pid && deed.kind != Deed::Kind::start) last = &deed;
    }
    return last;
}
bool saw(const std::optional<ProcessEnd>& end, std::int64_t pid) { return end && end->pid == pid; }

/// The process `pid` was there, and is not any more.
Found gone(const Evidence& evidence, std::int64_t pid) {
    if (const Deed* deed = deed_against(evidence, pid)) {
        Found result = found(deed->kind == Deed::Kind::restart ? Cause::restarted : Cause::stopped);
        result.at = deed->at;
        return result;
    }
    const bool seen = saw(evidence.end, pid);
    // Killed or failed is more than that nobody wants it to run.
    const bool clean =
        !seen || (evidence.end->way == ProcessEnd::Way::exited && evidence.end->number == 0);
    if (clean && evidence.stopped_on_purpose) return found(Cause::stopped_else);
    if (seen) return end_of(*evidence.end);
    return found(Cause::ended);
}

/// There was no process, or one that did not answer, and now there is one that does.
Found came(const Evidence& evidence) {
    if (!evidence.process_known || evidence.pid == 0) return {};
    const std::int64_t before = evidence.pid_before;
    const bool was_silent =
        evidence.cause_before == Cause::silent || evidence.cause_before == Cause::stranger;
    if (evidence.pid == before && was_silent) return found(Cause::answers);
    // It was silent, and was ended for it.
    const bool ended = before != 0 && before != evidence.pid &&
                       (deed_against(evidence, before) != nullptr || saw(evidence.end, before));
    if (ended) return gone(evidence, before);
    Found result = found(Cause::started);
    for (const Deed& deed : evidence.deeds) {
        if (deed.kind != Deed::Kind::start || deed.at < evidence.before->at) continue;
        result.words = "by zkprov";
        result.at = deed.at;
    }
    if (evidence.cause_before == Cause::restarted) result.words = "by zkprov";
    return result;
}

/// The process lived on, as far as is known, and its role ended.
Found left(const Evidence& evidence) {
    std::string why = evidence.search ? evidence.search->why : std::string();
    const bool lives = evidence.process && evidence.pid == evidence.pid_seen;
    // A process that began is no role that ended.
    if (why == kOwnStart) return lives ? Found() : found(Cause::started);
    if (!lives && why.empty()) return {};
    Found result;
    if (evidence.search) result.at = evidence.search->began;
    if (evidence.before->role == Role::leader) {
        result.cause =
            why.find("no quorum") != std::string::npos ? Cause::quorum_lost : Cause::role_left;
    } else {
        result.cause = Cause::leader_lost;
    }
    result.words = std::move(why);
    return result;
}

}  // namespace

bool has_leader(const agent_api::ElectionEntry& entry) {
    return entry.role == Role::leader || entry.role == Role::follower ||
           entry.role == Role::observer || entry.role == Role::standalone;
}

Found cause_of(const Evidence& evidence) {
    if (!evidence.before) return found(Cause::first_look);
    const auto& before = *evidence.before;
    if (evidence.conflict) return found(Cause::stranger);
    if (evidence.boot_changed) return found(Cause::host_booted);
    const bool same_process = evidence.process && evidence.pid == evidence.pid_seen;
    if (evidence.process_known && evidence.pid_seen != 0 && !same_process &&
        before.role != Role::down) {
        return gone(evidence, evidence.pid_seen);
    }
    if (evidence.now.role == Role::down) {
        if (evidence.process) return found(Cause::silent, evidence.silence);
        return {};
    }
    if (before.role == Role::down) return came(evidence);
    if (before.role == Role::looking) {
        if (!has_leader(evidence.now)) return {};
        Found result = found(Cause::elected);
        const auto& search = evidence.search;
        if (!search || !search->serving || search->serving->epoch != evidence.now.epoch)
            return result;
        const WallMs served(search->began.value() + to_ms(search->serving->after));
        if (served >= before.at) result.at = served;
        return result;
    }
    if (has_leader(before)) return left(evidence);
    return {};
}

}  // namespace zk::elections
