#include "sim/server_checks.h"

#include <algorithm>
#include <string_view>
#include <variant>

#include "storage/txn_log.h"

namespace zk::sim {
namespace {
std::uint64_t mix(std::uint64_t seed, std::uint64_t value) {
    return (seed ^ value) * 0x9e3779b97f4a7c15ULL + (seed >> 29);
}
std::uint64_t hash_of(const Bytes& bytes) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char byte : bytes) {
        hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
    }
    return hash;
}
}  // namespace

ServerChecks::ServerChecks(std::size_t servers, Complain complain)
    : complain_(std::move(complain)), servers_(servers) {}

void ServerChecks::complain(int server, const std::string& what) {
    complain_("server " + std::to_string(server + 1) + " " + what);
}

// ---- disks

void ServerChecks::logs(int index, Zxid zxid, const SharedBytes& bytes) {
    servers_[static_cast<std::size_t>(index)].logged[zxid] = bytes;
    const auto known = committed_.find(zxid);
    if (known != committed_.end() && known->second != hash_of(*bytes)) {
        complain(index, "logs another txn " + to_string(zxid) + " than the one that was committed");
    }
}

void ServerChecks::will_execute(int index, const storage::DiskCommand& command) {
    Server& server = servers_[static_cast<std::size_t>(index)];
    if (const auto* cut = std::get_if<storage::TruncateLog>(&command)) {
        server.promised = std::min(server.promised, cut->zxid);
        server.cut_to = cut->zxid;
    }
    if (const auto* install = std::get_if<storage::InstallSnapshot>(&command)) {
        server.promised = std::min(server.promised, install->zxid);
        server.cut_to = install->zxid;
        server.installed = install->zxid;
        server.installed_until = server.fuzzy_until;
    }
}

void ServerChecks::executed(int index, const storage::DiskEvent& event) {
    Server& server = servers_[static_cast<std::size_t>(index)];
    if (const auto* durable = std::get_if<storage::LogDurable>(&event)) {
        // What was synced before the cut in one batch.
        const Zxid up_to =
            server.cut_to ? std::min(durable->up_to, *server.cut_to) : durable->up_to;
        server.promised = std::max(server.promised, up_to);
    } else if (const auto* truncated = std::get_if<storage::LogTruncated>(&event)) {
        server.cut_to.reset();
        server.logged.erase(server.logged.upper_bound(truncated->zxid), server.logged.end());
        server.looked = Zxid(-2);
    } else if (const auto* installed = std::get_if<storage::SnapshotInstalled>(&event)) {
        server.promised = installed->zxid;
        server.cut_to.reset();
    } else if (std::holds_alternative<storage::TruncateFailed>(event)) {
        server.cut_to.reset();
    } else if (const auto* reloaded = std::get_if<storage::Reloaded>(&event)) {
        recovered(index, reloaded->state);
    }
}

void ServerChecks::took_snapshot(int index, Zxid fuzzy_until) {
    Server& server = servers_[static_cast<std::size_t>(index)];
    server.fuzzy_until = std::max(server.fuzzy_until, fuzzy_until);
    server.read = nullptr;
    server.logged.clear();
    server.looked = Zxid(-2);
}

// The end of a history that another leader has replaced may differ; what it holds of the committed one has no hole.
void ServerChecks::recovered(int index, const storage::RecoveredState& state) {
    Server& server = servers_[static_cast<std::size_t>(index)];
    server.looked = Zxid(-2);
    // An installed snapshot is as fuzzy as the stream that it came from.
    const bool fuzzy =
        state.snapshot == server.installed && state.last_zxid < server.installed_until;
    server.read = state.tree.get();
    server.read_until = fuzzy ? server.installed_until : Zxid(-2);
    server.was_serving = false;
    server.logged.clear();
    const auto may_not_vote = state.last_zxid == Zxid(-1);
    if (state.last_zxid < server.promised && !may_not_vote) {
        complain(index,
                 "recovers up to " + to_string(state.last_zxid) + ", but its disk held all up to " +
                     to_string(server.promised) + " for good");
    }
    server.promised = state.last_zxid;
    server.cut_to.reset();
    const std::pair<Zxid, SharedBytes>* before = nullptr;
    for (const auto& entry : state.recent) {
        const auto known = committed_.find(entry.first);
        if (known != committed_.end() && known->second != hash_of(*entry.second)) {
            complain(index,
                     "recovers another txn " + to_string(entry.first) +
                         " than the one that was committed");
        }
        if (before != nullptr && known != committed_.end()) {
            const auto next = committed_.upper_bound(before->first);
            if (next != committed_.end() && next->first < entry.first) {
                complain(index,
                         "recovers " + to_string(before->first) + " and then " +
                             to_string(entry.first) + " without " + to_string(next->first) +
                             ", which was committed");
            }
        }
        if (entry.first > committed_last_) server.logged[entry.first] = entry.second;
        before = &entry;
    }
    const auto digest = digests_.find(state.last_zxid);
    if (state.tree != nullptr && digest != digests_.end() && state.last_zxid >= server.read_until &&
        digest->second != state.tree->digest()) {
        complain(index, "recovers another tree at zxid " + to_string(state.last_zxid));
    }
}

// ---- memory

std::optional<Epoch> ServerChecks::look(int index, const core::Core& core) {
    Server& server = servers_[static_cast<std::size_t>(index)];
    const Zxid zxid = core.tree().last_zxid();
    const bool serving = core.serving();
    if (server.read == &core.tree()) {
        server.read = nullptr;
        server.fuzzy_until = server.read_until;
        server.looked = Zxid(-2);
    }
    if (zxid == server.looked && serving == server.was_serving) return {};
    const bool begins = serving && !server.was_serving;
    server.was_serving = serving;
    server.looked = zxid;
    if (zxid < server.fuzzy_until) {
        if (serving) {
            complain(index,
                     "serves " + to_string(zxid) + " from a snapshot that reaches into " +
                         to_string(server.fuzzy_until));
        }
        return {};
    }
    if (serving) commit_up_to(index, zxid);
    check_tree(index, core);
    if (serving && zxid.counter() % 16 == 0) check_sessions(index, core);
    return begins ? check_leader(index, core) : std::nullopt;
}

void ServerChecks::commit_up_to(int index, Zxid last) {
    Server& server = servers_[static_cast<std::size_t>(index)];
    auto& logged = server.logged;
    logged.erase(logged.begin(), logged.upper_bound(committed_last_));
    while (!logged.empty() && logged.begin()->first <= last) {
        const auto& [zxid, bytes] = *logged.begin();
        if (!storage::follows(committed_last_, zxid)) {
            return complain(
                index, "applies " + to_string(zxid) + " right after " + to_string(committed_last_));
        }
        const std::uint64_t hash = hash_of(*bytes);
        committed_.emplace_hint(committed_.end(), zxid, hash);
        fingerprint_ = mix(fingerprint_, hash);
        committed_last_ = zxid;
        logged.erase(logged.begin());
    }
}

void ServerChecks::check_tree(int index, const core::Core& core) {
    const Zxid zxid = core.tree().last_zxid();
    const std::uint64_t digest = core.tree().digest();
    const auto [known, added] = digests_.emplace(zxid, digest);
    if (!added && known->second != digest) {
        complain(index,
                 "has another tree at zxid " + to_string(zxid) +
                     " than the first server that got there");
    }
    fingerprint_ = mix(fingerprint_, digest);
}

std::optional<Epoch> ServerChecks::check_leader(int index, const core::Core& core) {
    const core::StatusPage page = core.status();
    if (page.role == core::Role::standalone) check_history(index, page);
    if (page.role != core::Role::leading) return {};
    const auto [leader, fresh] = leaders_.emplace(page.current_epoch, index);
    if (!fresh && leader->second != index) {
        complain(index,
                 "leads epoch " + to_string(page.current_epoch) + ", and so did server " +
                     std::to_string(leader->second + 1));
    }
    check_history(index, page);
    return page.current_epoch;
}

void ServerChecks::check_history(int index, const core::StatusPage& page) {
    const Zxid has =
        std::max(page.last_logged, page.last_zxid.counter() == 0 ? Zxid(0) : page.last_zxid);
    if (has >= committed_last_) return;
    complain(index,
             std::string(page.role == core::Role::leading ? "leads" : "serves alone in") +
                 " epoch " + to_string(page.current_epoch) + " with a history up to " +
                 to_string(has) + ", but " + to_string(committed_last_) + " was committed");
}

// Timeouts are left out: a client may have taken another one with it to the server it moved to.
void ServerChecks::check_sessions(int index, const core::Core& core) {
    std::uint64_t hash = 1;
    for (const auto& [session, timeout_ms] : core.session_timeouts()) {
        hash = mix(hash, static_cast<std::uint64_t>(session.value()));
    }
    const Zxid zxid = core.tree().last_zxid();
    const auto [known, added] = sessions_.emplace(zxid, hash);
    if (!added && known->second != hash) {
        complain(index, "knows other sessions at zxid " + to_string(zxid));
    }
}

}  // namespace zk::sim
