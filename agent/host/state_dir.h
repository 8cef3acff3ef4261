// The agent's own memory on disk, outside the data directory: who this node is, what was asked of
// it, what an apply has begun, which programs run, how elections went. Shell. Files are replaced by
// writing aside, syncing and renaming. One session at a time changes the node: it holds lock().
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "agent_api/formation_word.h"
#include "agent_api/link.h"
#include "agent_api/node_facts.h"
#include "agent_api/node_health.h"
#include "agent_api/node_spec.h"
#include "agent_host/accounts.h"
#include "agent_host/posix.h"
#include "agent_host/process.h"
#include "base/result.h"

namespace zk::agent_host {

/// What a supervised server is meant to do.
enum class Desired { run, stop };

class StateDir {
  public:
    explicit StateDir(std::string path) : path_(std::move(path)) {}

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
    /// Where the resident agent's socket lies: in /run/zkprov for the system's own state directory.
    [[nodiscard]] std::string socket_dir() const;

    /// Makes it (mode 0700) when it is missing; refuses one that others than this user may write.
    Result<> prepare() const;
    /// Held until the descriptor closes. Errc::refused when somebody holds it for longer than
    /// `patience`: a session for long, the resident agent for a moment.
    Result<Fd> lock(std::chrono::milliseconds patience = std::chrono::seconds(1)) const;

    /// The kernel's lock for one run of a controller, held until the descriptor closes; nothing when
    /// another process has it. Different from lock(), which is for one change.
    Result<std::optional<Fd>> take_run_lock(const agent_api::LockHolder& holder) const;
    /// Who holds it; nothing when nobody does.
    Result<std::optional<agent_api::LockHolder>> run_lock_holder() const;
    /// The highest fencing number recorded here; 0 before the first. One that cannot be read is an
    /// error.
    [[nodiscard]] Result<std::uint64_t> load_fence() const;
    Result<> save_fence(std::uint64_t number) const;
    /// From reading the number to writing another one. Held for a moment only, also while a change
    /// is under way.
    Result<Fd> lock_fence() const;
    /// Adds a line to the list of changes, which is kept short.
    Result<> note_change(const std::string& line) const;

    /// Nothing when there is none. A record that is there and cannot be read is an error and never
    /// "none": it may be all that keeps a wiped host from forming an empty ensemble.
    [[nodiscard]] Result<std::optional<agent_api::RecordedIdentity>> load_identity() const;
    Result<> save_identity(const agent_api::RecordedIdentity& identity) const;
    /// What forming without a controller keeps beside it (docs/PROVISIONING.md 2.3); the same holds for it.
    [[nodiscard]] Result<std::optional<agent_api::FormationRecord>> load_formation() const;
    Result<> save_formation(const agent_api::FormationRecord& record) const;
    /// With a new nonce, made on `machine`. REQUIRES: the lock is held, and there is no such record.
    [[nodiscard]] Result<agent_api::FormationRecord> begin_formation(std::string machine) const;
    /// Of the other members; the same holds for it.
    [[nodiscard]] Result<std::optional<agent_api::MemberMemory>> load_memory() const;
    Result<> save_memory(const agent_api::MemberMemory& memory) const;
    /// Why the server must not start; nothing when it may, when the node was made anew since, or when what lies there cannot
    /// be read: it is asked again then.
    [[nodiscard]] std::optional<agent_api::StartRefusal> standing_refusal() const;
    Result<> save_refusal(const agent_api::StartRefusal& refusal) const;
    Result<> drop_refusal() const;
    /// Joining without a controller is over: this node serves, or a controller has changed it. Stays true.
    [[nodiscard]] bool join_ended() const { return exists(file("join-ended")); }
    Result<> end_join() const;
    /// The specification asked for last; nothing before the first apply.
    [[nodiscard]] Result<std::optional<agent_api::NodeSpec>> load_spec() const;
    Result<> save_spec(const agent_api::NodeSpec& spec) const;
    /// The one that was applied last of the other flavor: the way back. Nothing when there never was another.
    [[nodiscard]] Result<std::optional<agent_api::NodeSpec>> load_before() const;
    Result<> save_before(const agent_api::NodeSpec& spec) const;
    /// Changes whenever save_spec() was called; 0 when there is none.
    [[nodiscard]] std::int64_t spec_stamp() const;

    [[nodiscard]] std::vector<agent_api::ElectionEntry> load_history() const;
    Result<> save_history(const std::vector<agent_api::ElectionEntry>& history) const;

    /// The account that was made for the server; nothing when it was there before, or nobody knows.
    [[nodiscard]] std::optional<MadeAccount> made_account() const;
    Result<> save_made_account(const MadeAccount& made) const;
    /// It was taken back.
    void forget_made_account() const;

    [[nodiscard]] Desired load_desired() const;
    Result<> save_desired(Desired desired) const;

    [[nodiscard]] std::string server_pid_file() const { return file("server.pid"); }
    [[nodiscard]] std::string agent_pid_file() const { return file("agent.pid"); }
    [[nodiscard]] std::string changes_file() const { return file("changes.log"); }
    [[nodiscard]] std::string journal_file() const { return file("journal"); }
    /// Blobs by their digest.
    [[nodiscard]] std::string blob_dir() const { return file("blobs"); }
    [[nodiscard]] std::string blob_file(const std::string& sha256) const {
        return blob_dir() + "/" + sha256;
    }

  private:
    std::string path_;
};

}  // namespace zk::agent_host
