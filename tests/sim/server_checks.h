// What must hold of servers, whatever their clients see: one history, one tree for each zxid, one
// leader for each epoch, and disks that keep what they promised. Pure. Told by the World.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "core/core.h"
#include "storage/disk_command.h"
#include "storage/recovery.h"

namespace zk::sim {

/// Makes txns and expires sessions.
inline bool rules(core::Role role) {
    return role == core::Role::leading || role == core::Role::standalone;
}

class ServerChecks {
  public:
    using Complain = std::function<void(const std::string&)>;
    ServerChecks(std::size_t servers, Complain complain);

    // ---- disks

    void logs(int server, Zxid zxid, const SharedBytes& bytes);
    /// What the server is about to do may take back what its disk promised.
    void will_execute(int server, const storage::DiskCommand& command);
    /// Before the core hears of it.
    void executed(int server, const storage::DiskEvent& event);
    /// A SNAP has replaced the tree of the server in memory; the tree is that of no zxid before `fuzzy_until`.
    void took_snapshot(int server, Zxid fuzzy_until);
    void recovered(int server, const storage::RecoveredState& state);

    // ---- memory

    /// After each step of a server. The epoch, when the server has just begun to lead in it.
    std::optional<Epoch> look(int server, const core::Core& core);
    [[nodiscard]] Zxid committed() const { return committed_last_; }
    /// Changes with every commit: the same for two runs of the same seed.
    [[nodiscard]] std::uint64_t fingerprint() const { return fingerprint_; }

  private:
    struct Server {
        /// Above committed_last_, or not yet known to be committed.
        std::map<Zxid, SharedBytes> logged;
        Zxid promised;  ///< the disk said that all up to here is durable
        /// A TRUNC or an installation is under way: it may be done at any time.
        std::optional<Zxid> cut_to;
        Zxid fuzzy_until{-2};  ///< of the tree in memory
        /// What was read from the disk and is not yet the tree in memory, and how far it is fuzzy: the event may lie
        /// in the mail for a while.
        const tree::DataTree* read = nullptr;
        Zxid read_until{-2};
        /// Snapshot of a SNAP on the disk, and how far it reaches.
        Zxid installed{-2}, installed_until{-2};
        Zxid looked{-2};
        bool was_serving = false;
    };

    void complain(int server, const std::string& what);
    void commit_up_to(int index, Zxid last);
    void check_tree(int server, const core::Core& core);
    std::optional<Epoch> check_leader(int server, const core::Core& core);
    void check_history(int server, const core::StatusPage& page);
    void check_sessions(int server, const core::Core& core);

    Complain complain_;
    std::vector<Server> servers_;
    std::map<Zxid, std::uint64_t> committed_;  ///< hash of each txn of the history
    Zxid committed_last_;
    std::map<Zxid, std::uint64_t> digests_;   ///< of the tree at each zxid
    std::map<Zxid, std::uint64_t> sessions_;  ///< hash of the live sessions at some zxids
    std::map<Epoch, int> leaders_;
    std::uint64_t fingerprint_ = 0;
};

}  // namespace zk::sim
