// Nodes in memory behind fake links: they keep what an agent keeps, elect when a majority runs, and
// answer as an agent answers. No process, no socket, no file. Any thread.
#pragma once

#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "agent_api/link.h"
#include "agent_api/removal.h"
#include "inventory/inventory.h"
#include "phases/fleet.h"

namespace zk::phases {

struct FakeNode {
    std::optional<Error> open_error;                   ///< the link does not open
    std::optional<agent_api::AgentError> apply_error;  ///< the next real apply fails
    std::optional<agent_api::AgentError> dry_error;    ///< dry runs fail
    std::optional<agent_api::AgentError> control_error;
    std::optional<agent_api::AgentError> removal_error;  ///< at the stage below
    agent_api::RemovalStage removal_fails_at = agent_api::RemovalStage::look;
    std::vector<agent_api::RemovalRequest> removals;  ///< what it was asked for
    std::shared_future<void> opens_after;             ///< when valid: its link opens no sooner
    std::shared_future<void> answers_after;           ///< when valid: its health comes no sooner
    bool link_breaks_in_apply = false;
    milliseconds answer_takes{0};  ///< of its health: a question that waits less ends the link
    bool probe_fails = false;
    std::function<void(FakeNode&)> after_apply;  ///< what becomes of it then
    std::function<void(FakeNode&)> after_probe;  ///< what somebody else does to the node then
    std::optional<ServerId> speaks_as;           ///< its server runs with that id
    bool never_elects = false;                   ///< it looks for a leader and finds none
    int copies_for = 0;                          ///< so many looks it takes in the leader's data
    std::uint64_t copied_each = 8U << 20;        ///< by so many bytes its process grows meanwhile
    std::uint64_t rss_bytes = 4U << 20;
    std::optional<agent_api::NodeSpec> applied;
    std::optional<agent_api::RecordedIdentity> identity;
    std::optional<agent_api::MemberMemory> memory;
    std::optional<agent_api::AgentError> remember_error;
    agent_api::Elections elections;  ///< what it says of them
    std::vector<agent_api::LogLine> log;
    std::size_t log_piece = 1000;  ///< lines of one answer
    std::optional<agent_api::AgentError> log_error;
    bool log_hangs =
        false;  ///< it does not answer, and its link gives up just before the time is over
    bool log_unanswered = false;  ///< the link breaks when it is asked for
    std::function<void(FakeNode&, agent_api::NodeLog&)>
        after_log;  ///< what it says instead, and becomes
    std::vector<agent_api::LogRequest> log_requests;
    std::int64_t clock_ahead_ms = 0;
    /// Somebody else's server serves; an apply that takes over restarts it.
    std::optional<agent_api::OutsideServer> outside;
    std::optional<agent_api::HostSurvey> host_survey;
    std::vector<agent_api::OutsideLeave> leaves;  ///< of its real applies
    bool running = false;
    bool has_data = false;
    bool has_marker = false;                    ///< `initialize`
    std::string blob;                           ///< sha256 of the server's binary on the node
    std::optional<agent_api::NodeSpec> before;  ///< of the other flavor
    agent_api::DataSurvey survey;               ///< what its data hold
    bool edited = false;                        ///< its zoo.cfg is not as it was written
    std::uint64_t free_bytes = 100ULL << 30;
    std::vector<agent_api::PortFact> ports;
    std::uint32_t uid = 0;
    /// The lock of another run; `lock_looks` so often it is there, then it is gone.
    std::optional<agent_api::LockHolder> locked_by;
    int lock_looks = 1 << 30;
    std::optional<agent_api::LockHolder> locked_next;  ///< who waits for it
    bool after_release_late = false;                   ///< the first release is answered too late
    int lock_unanswered_after = 1 << 30;  ///< so many questions about the lock are answered
    std::string lock_lost;                ///< what a check is answered with, when not empty
    bool lock_unanswered = false;         ///< the link breaks when the lock is asked for
    // What happened to it.
    bool locked = false;  ///< by this run
    std::uint64_t fence = 0;
    int lock_takes = 0;
    int facts_asked = 0;
    int dry_runs = 0;
    int checks = 0;
    int beats = 0;
    /// A change without the lock, or without a check since the last.
    bool changed_unlocked = false;
    bool may_change = false;
    int links = 0;
    int applies = 0;
    int copies = 0;   ///< kept of its data
    int surveys = 0;  ///< of its data
    int restarts = 0;
    int blobs_received = 0;
    int probes = 0;
    std::vector<agent_api::Formation> formations;  ///< of its real applies
};

class FakeNodes {
  public:
    explicit FakeNodes(const inventory::Inventory& inventory) {
        for (const auto& node : inventory.nodes) nodes_[node.id];
    }
    FakeNode& operator[](std::int64_t id) { return nodes_.at(ServerId(id)); }

    OpenLink opener();
    /// One message to the agent of `id`; returns its answers. The order of applies is kept in
    /// `story`.
    std::vector<agent_api::Message> answer(ServerId id,
                                           agent_api::MessageType type,
                                           const std::string& payload);
    std::mutex& mutex() { return mutex_; }
    std::vector<std::string> story;  ///< "apply 2", "stop 1", ...
    int looks_without_leader = 0;    ///< so often an answer of health comes from an election
    LinkDeadline open_deadline;      ///< of the last link

  private:
    agent_api::NodeFacts facts_of(ServerId id, const agent_api::FactsRequest& request) const;
    agent_api::NodeHealth health_of(ServerId id);
    agent_api::ApplyDone apply(ServerId id, const agent_api::Apply& apply);
    std::vector<agent_api::Message> remove(ServerId id, const agent_api::RemovalRequest& request);
    agent_api::ApplyDone apply_outside(FakeNode& node, ServerId id, const agent_api::Apply& apply);
    agent_api::LockState lock(FakeNode& node, const agent_api::LockRequest& request);
    static agent_api::NodeLog log_of(ServerId id,
                                     FakeNode& node,
                                     const agent_api::LogRequest& request);
    static void change(FakeNode& node);
    void elect();

    std::mutex mutex_;
    std::map<ServerId, FakeNode> nodes_;
    std::optional<ServerId> leader_;
};

}  // namespace zk::phases
